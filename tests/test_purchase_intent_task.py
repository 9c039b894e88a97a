"""purchase_intent and purchase_intent_blend as tasks: rows from the feature tables, the choice among candidates, the champion."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

import duckdb

from models_onnx.gate import decide
from models_onnx.judges import AucJudge
from models_onnx.purchase_intent import candidates
from models_onnx.purchase_intent import examples as examples_module
from models_onnx.purchase_intent.examples import PAST_BUYERS, read_part, window_names
from models_onnx.purchase_intent.network import NETWORKS
from models_onnx.purchase_intent.task import TASK
from models_onnx.purchase_intent.training import EpochReport, Examples, TrainingSettings
from models_onnx.purchase_intent_blend import task as blend_task
from models_onnx.purchase_intent_blend.members import best_weights, choose_members
from models_onnx.tabular.fit import TabularSettings
from models_onnx.task import Trained, TrainingContext
from models_onnx.time_split import ThinData, TimeSplit
from udfs.model_records import curve_points
from udfs.scorer_kinds import scorer_from

NAMES = ["recency_days", "days_since_first_purchase", "visit_days_112d", "visit_days_364d", "visit_rate_28d", "noise"]
DATES = [date(2024, 1, 1) + timedelta(days=7 * week) for week in range(6)]
SPLIT = TimeSplit(train=DATES[:4], validation=DATES[4:5], test=DATES[5:])
VARS = {"intent_windows": {"user_features": NAMES[:4], "user_rhythm": NAMES[4:]}}
USERS = 160
QUICK = TrainingSettings(epochs=2, batch_size=64, learning_rate=5e-3)


def shop(connection: duckdb.DuckDBPyConnection, tokens_tell: bool = False, seed: int = 0) -> None:
    """Feature tables of users with a rate of visits each: their windows tell it, or (`tokens_tell`) their newest token."""
    random = np.random.default_rng(seed)
    connection.execute("create schema features")
    connection.execute(
        "create table features.purchase_intent_labels "
        "(as_of_date date, user_id varchar, is_past_buyer boolean, past_events integer, is_buyer boolean)"
    )
    connection.execute(
        "create table features.purchase_intent_inputs (as_of_date date, user_id varchar, tokens integer[], windows float[])"
    )
    rates = random.uniform(0.02, 0.4, USERS)
    for day in DATES:
        for user, rate in enumerate(rates):
            buys = bool(random.random() < 1 - np.exp(-7 * rate))
            told = random.uniform(0.02, 0.4) if tokens_tell else rate
            windows = [
                float(random.geometric(told)), 200.0, float(random.binomial(112, told)), float(random.binomial(200, told)),
                told, None,
            ]  # fmt: skip
            newest = 1 + int(20 * (rate if tokens_tell else 0.2)) * 400
            tokens = [0] * 40 + [int(token) for token in random.integers(9000, 9100, 9)] + [newest]
            connection.execute(
                "insert into features.purchase_intent_labels values (?, ?, true, 9, ?)", [day, f"u{user:03}", buys]
            )
            connection.execute(
                "insert into features.purchase_intent_inputs values (?, ?, ?, ?)", [day, f"u{user:03}", tokens, windows]
            )


def context_of(connection: duckdb.DuckDBPyConnection, seed: int = 1, **changes: Any) -> TrainingContext:
    heard: list[str] = []
    context = TrainingContext(connection, SPLIT, VARS, seed, "a planted shop", lambda what, done, total: heard.append(what))
    return replace(context, **changes)


@pytest.fixture(scope="module")
def context() -> Iterator[TrainingContext]:
    with duckdb.connect() as connection:
        shop(connection)
        yield context_of(connection)


@pytest.fixture(scope="module")
def trained(context: TrainingContext) -> Trained:
    return replace(TASK, settings=QUICK, spread_seeds=2).train(context)


BLEND = replace(
    blend_task.TASK,
    network_settings=QUICK,
    settings=TabularSettings(max_depth=2, eta=0.2, min_child_weight=5, rounds=40, threads=1),
)


@pytest.fixture(scope="module")
def blend(context: TrainingContext) -> Trained:
    return BLEND.train(context)


class TestRows:
    def test_they_are_ordered_and_of_past_buyers(self) -> None:
        with duckdb.connect() as connection:
            shop(connection)
            connection.execute("update features.purchase_intent_labels set is_past_buyer = false where user_id = 'u003'")
            connection.execute("update features.purchase_intent_labels set past_events = 2 where user_id < 'u010'")
            part = read_part(connection, [DATES[1], DATES[0]], NAMES, PAST_BUYERS)
            assert len(part.labels) == 2 * (USERS - 1)
            assert part.groups.tolist() == list(range(USERS - 1)) * 2
            expected = connection.execute(
                "select windows[3], tokens[50], is_buyer from features.purchase_intent_inputs inner join "
                "features.purchase_intent_labels using (as_of_date, user_id) where as_of_date <= ? and user_id <> 'u003' "
                "order by as_of_date, user_id",
                [DATES[1]],
            ).fetchall()
            np.testing.assert_allclose(part.column("visit_days_112d"), [row[0] for row in expected])
            assert part.examples.tokens[:, -1].tolist() == [row[1] for row in expected]
            assert part.labels.tolist() == [float(row[2]) for row in expected]
            assert np.isnan(part.column("noise")).all(), "null is missing"
            assert len(read_part(connection, DATES[:1], NAMES, "labels.past_events >= 5").labels) == USERS - 10

    def test_of_very_many_rows_a_sample_of_users_is_read(self, context: TrainingContext) -> None:
        whole = read_part(context.connection, SPLIT.train, NAMES)
        sample = read_part(context.connection, SPLIT.train, NAMES, most_rows=len(whole.labels) // 2)
        users = len(np.unique(sample.groups))
        assert 0.3 * USERS < users < 0.7 * USERS
        assert len(sample.labels) == 4 * users, "whole users, not rows"
        again = read_part(context.connection, SPLIT.train, NAMES, most_rows=len(whole.labels) // 2)
        np.testing.assert_array_equal(sample.windows.features, again.windows.features)
        assert len(read_part(context.connection, SPLIT.train, NAMES, most_rows=len(whole.labels)).labels) == len(whole.labels)

    def test_a_vector_of_another_width_is_refused(self, context: TrainingContext) -> None:
        with pytest.raises(ValueError, match="6 window features where 2 are named"):
            read_part(context.connection, SPLIT.test, NAMES[:2])

    def test_names_come_from_the_project_in_order(self) -> None:
        assert window_names(VARS) == NAMES
        with pytest.raises(ValueError, match="no var intent_windows"):
            window_names({})

    def test_only_training_rows_are_sampled(self, context: TrainingContext, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(examples_module, "MOST_TRAINING_ROWS", 100)
        parts = examples_module.read_parts(context.connection, SPLIT, NAMES)
        assert len(parts["train"].labels) < 300
        assert len(parts["validation"].labels) == len(parts["test"].labels) == USERS


class TestChoice:
    def test_the_articles_network_stays_unless_a_gain_is_beyond_noise(self) -> None:
        assert candidates.choose({"cnn": (0.002, -0.0001, 0.004), "gru": (-0.01, -0.02, -0.001)}) == "cnn_lstm"
        assert candidates.choose({}) == "cnn_lstm"

    def test_of_several_better_ones_the_best_is_taken(self) -> None:
        gains = {"cnn": (0.004, 0.001, 0.007), "lstm": (0.006, 0.001, 0.01), "gru": (0.02, -0.001, 0.04)}
        assert candidates.choose(gains) == "lstm"

    def test_all_forms_are_trained_and_told_of(self, trained: Trained, context: TrainingContext) -> None:
        assert set(trained.card["candidates"]) == set(NETWORKS)
        assert trained.card["form"] == "cnn_lstm" or trained.card["candidates"][trained.card["form"]]["validation_auc_gain"]
        others = set(NETWORKS) - {trained.card["form"]}
        assert {f"candidate: {form}" for form in others} < set(trained.metrics)
        for name, metrics in trained.metrics.items():
            for window in ("validation", "test"):
                assert {"0", "1"} < set(metrics[window]["report"]), f"{name} has no classification report on {window}"

    def test_the_curves_hold_every_epoch_of_every_candidate(self, trained: Trained) -> None:
        series: dict[str, int] = {}
        for point in curve_points({"curves": trained.curves}):
            if point["curve"] == "epochs":
                series[point["series"]] = series.get(point["series"], 0) + 1
        for form in NETWORKS:
            before = "" if form == trained.card["form"] else f"{form} "
            for what in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy"):
                assert series[before + what] == 2, f"{form}: {what}"

    def test_the_articles_form_has_to_be_among_them(self) -> None:
        rows = Examples(np.ones((4, 50), dtype=np.int32), np.array([0, 1, 0, 1], dtype=np.float32))
        with pytest.raises(ValueError, match="cnn_lstm"):
            candidates.fit_candidates(rows, rows, np.arange(4), 1, forms=["gru"])

    def test_equal_rows_are_trained_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = Examples(np.full((4, 50), 7, dtype=np.int32), np.array([0, 1, 0, 1], dtype=np.float32))
        others = Examples(rows.tokens, rows.labels[::-1].copy())
        heard: list[EpochReport] = []
        first = candidates.train_once(rows, rows, 1, "cnn", QUICK, heard.append)
        assert heard
        assert candidates.train_once(rows, rows, 1, "cnn", QUICK) is first
        assert candidates.train_once(others, rows, 1, "cnn", QUICK) is not first
        assert candidates.train_once(rows, others, 1, "cnn", QUICK) is not first
        assert candidates.train_once(rows, rows, 2, "cnn", QUICK) is not first
        assert candidates.train_once(rows, rows, 1, "rnn", QUICK) is not first
        assert candidates.train_once(rows, rows, 1, "cnn", replace(QUICK, epochs=1)) is not first


class TestNetworkTask:
    def test_the_file_scores_what_was_measured(self, trained: Trained) -> None:
        scorer = scorer_from("purchase_intent", trained.kind, trained.files[trained.file])
        np.testing.assert_allclose(scorer.score(trained.test_inputs), trained.test_scores, atol=1e-6)
        assert isinstance(trained.judge, AucJudge)
        assert trained.metrics["purchase_intent"]["test"]["auc"] == pytest.approx(trained.judge.value(trained.test_scores))
        lower, upper = trained.metrics["purchase_intent"]["test"]["auc_interval_95"]
        assert lower < trained.metrics["purchase_intent"]["test"]["auc"] < upper

    def test_the_seed_that_stays_is_the_first_of_the_spread(self, trained: Trained) -> None:
        spread = trained.card["auc_by_seed"]
        assert list(spread) == ["1", "2"]
        assert spread["1"]["test"] == pytest.approx(trained.metrics["purchase_intent"]["test"]["auc"], abs=1e-3)
        assert spread["1"] != spread["2"]

    def test_the_rules_stand_beside_it_and_the_gate_can_decide(self, trained: Trained) -> None:
        assert set(trained.baseline_scores) == {"rule: personal rate", "logistic: recency × rate"}
        verdict = decide("purchase_intent", trained, None)
        assert {one.other for one in verdict.comparisons} == set(trained.baseline_scores)

    def test_the_rule_for_thin_data_scores_tokens(self, trained: Trained) -> None:
        rule = scorer_from("purchase_intent", "rule", trained.files["rule.json"])
        scores = rule.score(trained.test_inputs)
        assert scores.shape == (USERS,)
        assert ((scores > 0) & (scores < 1)).all()

    def test_drift_is_seen_in_the_score(self, trained: Trained) -> None:
        assert [entry["input"] for entry in trained.profile] == ["score"]

    def test_too_few_purchases_are_refused_in_a_line(self) -> None:
        with duckdb.connect() as connection:
            shop(connection)
            connection.execute("update features.purchase_intent_labels set is_buyer = false where as_of_date = ?", [DATES[5]])
            for task in (TASK, BLEND):
                with pytest.raises(ThinData, match="the test window holds one class only"):
                    task.train(context_of(connection))

    def test_findings_of_the_champion_and_without_one(self, trained: Trained, context: TrainingContext) -> None:
        scorer = scorer_from("purchase_intent", trained.kind, trained.files[trained.file])
        found = {finding.measure: finding for finding in TASK.evaluate(context, scorer)}
        assert set(found) == {"auc", "average_precision", "ece"}
        assert found["auc"].reached == pytest.approx(trained.metrics["purchase_intent"]["test"]["auc"], abs=1e-6)
        assert set(found["auc"].baselines) == set(trained.baseline_scores)
        assert found["ece"].reached == pytest.approx(trained.metrics["purchase_intent"]["test"]["ece"], abs=1e-6)
        none = TASK.evaluate(context, None)
        assert all(np.isnan(finding.reached) and "no champion" in finding.note for finding in none)


class TestBlend:
    def test_where_windows_tell_the_network_has_no_say(self, blend: Trained) -> None:
        """Here tokens are noise: the best member by itself, or a blend that won on validation; never the network alone."""
        assert blend.card["best_member"] != "network"
        assert sum(blend.card["weights"].values()) == pytest.approx(1)
        gain, (lower, _) = blend.card["blend_gain_on_validation"]["mean"], blend.card["blend_gain_on_validation"]["interval_95"]
        alone = blend.card["weights"][blend.card["best_member"]] == 1
        assert alone == (lower <= 0), f"gain {gain}"

    def test_where_tokens_tell_the_network_has_it(self) -> None:
        with duckdb.connect() as connection:
            shop(connection, tokens_tell=True)
            task = replace(BLEND, network_settings=replace(QUICK, epochs=4, patience=4))
            found = task.train(context_of(connection))
        assert found.card["best_member"] == "network"
        assert found.card["weights"]["network"] > 0.5
        assert "the network" not in found.baseline_scores

    def test_files_are_pinned_and_score_what_was_measured(self, blend: Trained) -> None:
        assert (blend.kind, blend.file) == ("blend", "blend.json")
        scorer = scorer_from("purchase_intent_blend", "blend", blend.files["blend.json"], blend.files)
        np.testing.assert_allclose(scorer.score(blend.test_inputs), blend.test_scores, atol=1e-6)
        members = {line["file"]: line for line in json.loads(blend.files["blend.json"])["members"]}
        assert "network.onnx" in members, "the reader of the tokens"
        assert set(members) | {"blend.json", "rule.json"} == set(blend.files)
        assert members["network.onnx"].get("argument", 0) == 0
        assert all(line["argument"] == 1 for file, line in members.items() if file != "network.onnx")
        for file, line in members.items():
            (member,) = [name for name, its_file in blend_task.FILES.items() if its_file == file]
            assert line["weight"] == blend.card["weights"][member]

    def test_members_and_baselines_stand_beside_it(self, blend: Trained) -> None:
        assert {"member: network", "member: xgboost", "member: logistic"} < set(blend.metrics)
        assert {"rule: personal rate", "logistic: recency × rate"} <= set(blend.baseline_scores)
        if not blend.card["weights"]["network"]:
            assert "the network" in blend.baseline_scores
        assert [entry["input"] for entry in blend.profile] == [*NAMES, "score"]
        assert blend.card["features"] == NAMES

    def test_the_rule_for_thin_data_reads_the_windows(self, blend: Trained) -> None:
        rule = json.loads(blend.files["rule.json"])
        assert (rule["argument"], rule["feature"], rule["index"]) == (1, "visit_rate_28d", 4)
        points = np.array(rule["points"])
        assert points[0, 1] < points[-1, 1], "who comes often comes again"

    def test_findings_name_a_champion_that_reads_other_features(self, blend: Trained, context: TrainingContext) -> None:
        scorer = scorer_from("purchase_intent_blend", "blend", blend.files["blend.json"], blend.files)
        found = {finding.measure: finding for finding in BLEND.evaluate(context, scorer)}
        assert found["auc"].reached == pytest.approx(blend.metrics["purchase_intent_blend"]["test"]["auc"], abs=1e-6)
        rule = scorer_from("purchase_intent_blend", "rule", blend.files["rule.json"])
        (first, *_) = BLEND.evaluate(context, rule)
        assert np.isnan(first.reached)
        assert "the champion reads 6 values a row, the shop has 56" in first.note

    def test_equal_inputs_and_seed_give_an_equal_blend(self, blend: Trained, context: TrainingContext) -> None:
        candidates._remembered.cache_clear()
        again = BLEND.train(context)
        np.testing.assert_allclose(again.test_scores, blend.test_scores, atol=1e-5)


class TestMembers:
    def test_weights_lower_the_log_loss_and_add_up(self) -> None:
        random = np.random.default_rng(1)
        first, second = random.normal(size=(2, 4000))
        labels = (random.random(4000) < 1 / (1 + np.exp(-(first + second)))).astype(float)
        scores = {name: 1 / (1 + np.exp(-2 * part)) for name, part in (("first", first), ("second", second))}
        scores["noise"] = random.random(4000)
        weights = best_weights(labels, scores)
        assert weights["first"] == pytest.approx(0.5, abs=0.1)
        assert weights["noise"] <= 0.1
        assert sum(weights.values()) == pytest.approx(1)
        chosen, gain, _ = choose_members(labels, scores, AucJudge(labels, np.arange(4000)))
        assert gain[1] > 0
        assert chosen == weights

    def test_without_a_gain_beyond_noise_the_best_member_stands_alone(self) -> None:
        random = np.random.default_rng(2)
        logit = random.normal(size=500)
        labels = (random.random(500) < 1 / (1 + np.exp(-logit))).astype(float)
        good = 1 / (1 + np.exp(-logit))
        scores = {"good": good, "alike": 1 / (1 + np.exp(-(logit + random.normal(0, 0.3, 500))))}
        chosen, gain, single = choose_members(labels, scores, AucJudge(labels, np.arange(500)))
        assert gain[1] <= 0
        assert single == max(scores, key=lambda name: AucJudge(labels, np.arange(500)).value(scores[name]))
        assert chosen == {name: float(name == single) for name in scores}
