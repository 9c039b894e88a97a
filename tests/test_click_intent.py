"""click_intent: a file of actions becomes an event log, the dbt features see it, and network and trees are compared honestly."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from models_onnx.click_intent.click_stream import click_split, click_stream_context, write_events
from models_onnx.click_intent.trial import TRIAL, WHO, _verdict
from models_onnx.purchase_intent.examples import IntentPart, read_part, window_names
from models_onnx.purchase_intent.training import Examples, TrainingSettings
from models_onnx.tabular.examples import Part
from models_onnx.tabular.fit import TabularSettings
from models_onnx.tasks import TRIALS, trial
from models_onnx.time_split import ThinData

FIRST = date(2014, 4, 15)


def write_actions(path: Path, rows: list[tuple[int, int, str, date]]) -> Path:
    """A file as the trial reads it; file_row is the order of `rows`."""
    with duckdb.connect() as connection:
        connection.execute(
            "create table actions (user_id bigint, brand_id bigint, action varchar, action_date date, file_row bigint)"
        )
        connection.executemany(
            "insert into actions values (?, ?, ?, ?, ?)", [(*row, number + 1) for number, row in enumerate(rows)]
        )
        connection.execute(f"copy actions to '{path}' (format parquet)")
    return path


def silent(what: str, done: int, total: int | None) -> None:
    """No progress."""


def test_the_trial_is_known_by_name() -> None:
    assert "click_intent" in TRIALS
    assert trial("click_intent") is TRIAL


class TestSplit:
    def test_parts_follow_each_other_and_labels_are_over(self) -> None:
        until = date(2014, 8, 16)
        split = click_split(FIRST, until)
        assert (len(split.train), len(split.validation), len(split.test)) == (7, 2, 4)
        assert max(split.test) + timedelta(days=7) == until
        assert min(split.train) >= FIRST + timedelta(days=28)
        days = split.all()
        assert days == sorted(days)
        assert {later - earlier for earlier, later in pairwise(days)} == {timedelta(days=7)}
        assert max(split.train) < min(split.validation) < max(split.validation) < min(split.test)

    def test_a_short_file_is_refused_with_what_is_needed(self) -> None:
        assert len(click_split(FIRST, FIRST + timedelta(days=98)).train) == 4
        with pytest.raises(ThinData, match=r"spans 97 days .* 98 are needed"):
            click_split(FIRST, FIRST + timedelta(days=97))


class TestEvents:
    def test_brands_stand_for_products_and_the_files_order_for_the_days(self, tmp_path: Path) -> None:
        rows = [
            (1, 7, "click", FIRST),
            (2, 8, "cart", FIRST),
            (1, 7, "buy", FIRST),
            (1, 9, "favourite", FIRST + timedelta(days=1)),
        ]
        write_events(write_actions(tmp_path / "actions.parquet", rows), tmp_path / "events.parquet")
        found = duckdb.sql(f"from '{tmp_path / 'events.parquet'}' order by user_id, event_at").fetchall()
        assert [row[:4] for row in found] == [
            ("1", "1", "7", "click"), ("3", "1", "7", "buy"), ("4", "1", "9", "favourite"), ("2", "2", "8", "cart"),
        ]  # fmt: skip
        assert [row[4].date() for row in found] == [FIRST, FIRST, FIRST + timedelta(days=1), FIRST]
        assert found[0][4] < found[1][4]

    @pytest.mark.parametrize(
        "change",
        [
            "action_date + interval '23:59:59' as action_date",
            "cast(action_date as varchar) as action_date",
            "strftime(action_date + 1, '%Y-%m-%dT01:00:00+08:00') as action_date",
            "cast(file_row as varchar) as file_row",
        ],
    )
    def test_other_types_of_columns_tell_the_same(self, tmp_path: Path, change: str) -> None:
        rows = [(1, number, "click", FIRST) for number in range(12)]
        whole, other = write_actions(tmp_path / "whole.parquet", rows), tmp_path / "other.parquet"
        duckdb.sql(f"copy (select * replace ({change}) from '{whole}') to '{other}' (format parquet)")
        found = []
        for path in (whole, other):
            write_events(path, tmp_path / "events.parquet")
            found.append(duckdb.sql(f"from '{tmp_path / 'events.parquet'}' order by event_at").fetchall())
        assert found[0] == found[1]
        assert [row[0] for row in found[0]] == [str(number + 1) for number in range(len(rows))]

    def test_what_it_cannot_read_is_told_in_a_line(self, tmp_path: Path) -> None:
        text = tmp_path / "actions.csv"
        text.write_text("user_id,action\n1,click\n")
        with pytest.raises(ValueError, match=r"^actions\.csv is no Parquet file .*$") as refusal:
            write_events(text, tmp_path / "events.parquet")
        assert "\n" not in str(refusal.value)
        other = tmp_path / "other.parquet"
        duckdb.sql("select 1 as user_id, 'click' as action").write_parquet(str(other))
        with pytest.raises(ValueError, match=r"other\.parquet has no column brand_id, action_date, file_row; it needs user_id"):
            write_events(other, tmp_path / "events.parquet")

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ("* replace ('15.4.2014' as action_date)", "column action_date must hold dates, as 2014-04-15"),
            ("* replace (20140415 as action_date)", "column action_date must hold dates, as 2014-04-15"),
            ("* replace (nullif(user_id, 1) as user_id)", "column user_id is empty in 2 of 3 rows"),
            ("* replace (case user_id when 2 then 'two' else '' end as user_id)", "column user_id is empty in 2 of 3 rows"),
            ("* replace (nullif(action, 'buy') as action)", "column action is empty in 1 of 3 rows"),
            ("* replace (1 as file_row)", "column file_row numbers the rows, and 2 of 3 repeat a number"),
        ],
    )
    def test_no_row_is_lost_in_silence(self, tmp_path: Path, change: str, told: str) -> None:
        whole = write_actions(tmp_path / "whole.parquet", [(1, 7, "click", FIRST), (1, 7, "buy", FIRST), (2, 8, "cart", FIRST)])
        other = tmp_path / "other.parquet"
        duckdb.sql(f"copy (select {change} from '{whole}') to '{other}' (format parquet)")
        with pytest.raises(ValueError, match=rf"^other\.parquet: {told}$"):
            write_events(other, tmp_path / "events.parquet")


@pytest.mark.slow
def test_features_come_from_the_dbt_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one slow test: dbt builds them over a small file, future rows and all, where there is no secret for pseudonyms."""
    monkeypatch.setenv("OFFERHOUSE_PRIVACY", "on")
    monkeypatch.delenv("OFFERHOUSE_SECRET", raising=False)
    rows = [(0, 1, "buy", FIRST)]
    for user in range(1, 4):
        for day in range(0, 104, 2 + user):
            rows.append((user, day % 5, "click", FIRST + timedelta(days=day)))
            if day % 3 == 0:
                rows.append((user, day % 5, "buy", FIRST + timedelta(days=day)))
    path = write_actions(tmp_path / "actions.parquet", rows)
    with click_stream_context(path, 1, silent) as context:
        names = window_names(context.dbt_vars)
        part = read_part(context.connection, context.split.test, names, WHO)
        first_test = min(context.split.test)
    assert len(part.labels) == 3 * 4, "user 0 has one action and is left out"
    for place, user in enumerate(range(1, 4)):
        mine = [row for row in rows if row[0] == user]
        ago = [(first_test - day).days for _, _, kind, day in mine if kind == "buy" and day < first_test]
        clicks = [day for _, _, kind, day in mine if kind == "click" and 0 < (first_test - day).days <= 28]
        assert part.column("recency_days")[place] == min(ago)
        assert part.column("event_days_28d")[place] == len(set(clicks))
        assert part.column("events_28d")[place] == len(clicks)
        bought = any(kind == "buy" and 0 <= (day - first_test).days < 7 for _, _, kind, day in mine)
        assert part.labels[place] == bought


@pytest.mark.slow
def test_actions_that_the_contract_refuses_are_not_left_out_in_silence(tmp_path: Path) -> None:
    rows = [(user, 1, "buy" if day % 7 == 0 else "click", FIRST + timedelta(days=day)) for user in range(3) for day in range(104)]
    rows += [(1, 1, "click", FIRST + timedelta(days=30_000)), (1, 1, "swipe", FIRST), (2, 1, "swipe", FIRST)]
    with (
        pytest.raises(ValueError, match=r"actions.parquet: 3 rows .*UNKNOWN_EVENT_TYPE 2, FUTURE_DATE 1"),
        click_stream_context(write_actions(tmp_path / "actions.parquet", rows), 1, silent),
    ):
        pass


def planted(rows: int, seed: int, tokens_tell: bool) -> IntentPart:
    """Users whose newest token (`tokens_tell`) or whose windows say whether they buy."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, rows).astype(np.float32)
    told = np.where(random.random(rows) < 0.1, 1 - labels, labels)
    names = ["recency_days", "days_since_last_event", "visit_days_28d", "visit_days_112d", "event_days_28d", "events_28d"]
    features = random.integers(1, 20, (rows, len(names))).astype(np.float32)
    tokens = random.integers(100, 140, (rows, 50)).astype(np.int32)
    if tokens_tell:
        tokens[:, 45:] = np.where(told == 1, 17, 4211)[:, None]
    else:
        features[:, 0] = np.where(told == 1, 2, 30)
    return IntentPart(Examples(tokens, labels), Part(features, labels, np.arange(rows)), names)


QUICK = replace(
    TRIAL,
    seeds=2,
    network=TrainingSettings(epochs=3, batch_size=64, learning_rate=5e-3),
    trees=TabularSettings(max_depth=2, rounds=20, threads=1),
)


@pytest.mark.parametrize("tokens_tell", [True, False])
def test_the_verdict_follows_what_the_rows_tell(tokens_tell: bool) -> None:
    parts = {
        name: planted(rows, seed, tokens_tell)
        for seed, (name, rows) in enumerate({"train": 500, "validation": 200, "test": 250}.items())
    }
    found = {finding.measure: finding for finding in QUICK.findings(parts, 1, silent)}
    assert set(found) == {
        measure + tail for measure in ("auc", "average_precision") for tail in ("", " gain over xgboost on windows")
    }
    auc, gain = found["auc"], found["auc gain over xgboost on windows"]
    assert set(auc.baselines) == {"xgboost on windows", "logistic: recency × frequency", "rule: days with an action"}
    assert "mean of 2 seeds" in auc.note
    assert "250 users, base rate" in auc.note
    assert gain.reached == pytest.approx(auc.reached - auc.baselines["xgboost on windows"], abs=1e-6)
    assert auc.interval is not None
    assert gain.interval is not None
    assert (gain.reached > 0.2) == tokens_tell
    assert ("beats xgboost on windows with every seed" in gain.note) == tokens_tell
    assert ("it is worse with every seed" in gain.note) == (not tokens_tell)


@pytest.mark.parametrize(
    ("gains", "told"),
    [
        ([(0.02, 0.01, 0.03), (0.02, 0.005, 0.03)], "beats xgboost on windows with every seed"),
        ([(0.02, 0.01, 0.03), (0.01, -0.005, 0.03)], "does not beat xgboost on windows beyond noise"),
        ([(-0.02, -0.03, -0.01), (-0.02, -0.03, -0.01)], "worse with every seed"),
        ([(-0.02, -0.03, -0.01), (-0.01, -0.03, 0.01)], "does not beat xgboost on windows beyond noise"),
    ],
)
def test_one_lucky_seed_is_no_win(gains: list[tuple[float, float, float]], told: str) -> None:
    assert told in _verdict(gains)


def test_a_test_window_of_one_class_is_refused() -> None:
    parts = {name: planted(400, seed, True) for seed, name in enumerate(("train", "validation", "test"))}
    of_one = replace(parts["test"], examples=Examples(parts["test"].examples.tokens, np.zeros(400, dtype=np.float32)))
    with pytest.raises(ThinData, match="the test window holds one class only"):
        QUICK.findings(parts | {"test": of_one}, 1, silent)
