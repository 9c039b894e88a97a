"""`promo audit`: what people read of audits.fairness and audits.compliance, and when it leaves with 1."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from promo_cli import training_set
from promo_cli.paths import published_path

Promo = Callable[..., tuple[int, str, str]]

BUILT = """
create schema audits;
create table audits.fairness (
    as_of_date date, decision varchar, measure varchar, attribute varchar, group_name varchar, users integer, value double,
    reference_group varchar, reference_users integer, reference_value double, comparison varchar, compared_value double,
    compared_low double, compared_high double, least double, most double, min_group_size integer, is_below_four_fifths boolean,
    verdict varchar
);
insert into audits.fairness values
    ('2024-03-01', 'offers', 'offer_rate', 'gender', 'f', 40, 0.3, 'm', 60, 0.6, 'ratio', 0.5, 0.35, 0.7, 0.8, 1.25,
        30, true, 'violated'),
    ('2024-03-01', 'offers', 'offer_rate', 'gender', 'm', 60, 0.6, 'm', 60, 0.6, 'ratio', null, null, null, 0.8, 1.25,
        30, null, 'reference'),
    ('2024-03-01', 'offers', 'offer_rate', 'gender', 'x', null, null, 'm', 60, 0.6, 'ratio', null, null, null, 0.8, 1.25,
        30, null, 'too few'),
    ('2024-03-01', 'offers', 'offer_rate', 'region', 'unknown', 100, 0.5, 'unknown', 100, 0.5, 'ratio', null, null, null, 0.8,
        1.25, 30, null, 'not judged'),
    ('2024-02-01', 'score churn_risk', 'calibration', 'gender', 'f' || chr(27) || '[2J', 40, 0.12, null, null, null, 'level',
        0.12, 0.08, 0.16, -0.1, 0.1, 30, null, 'suspected');
create table audits.compliance as
    select date '2024-03-01' as as_of_date, rule, 'What must hold.' as sentence, 'law' as source, 1234 as rows_checked,
        0 as violations, null::varchar as sample, 'select 1' as evidence_query
    from (values ('HOLDOUT'), ('LIST_PRICE')) as rules (rule);
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(BUILT)
    return path


def change(database: Path, sql: str) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute(sql)


def test_verdicts_are_told_with_sizes_intervals_and_sentences(promo: Promo, database: Path) -> None:
    code, out, err = promo("audit", "--database", database)
    assert (code, err) == (0, "")
    lines = [line.rstrip() for line in out.splitlines()]
    assert "Fairness, as of 2024-02-01, 2024-03-01: 1 violated, 1 suspected, 1 reference, 1 too few, 1 not judged" in lines
    (row,) = [line.split() for line in lines if line.startswith("violated ")]
    assert "offers: share of users with an offer; allowed ratio 0.800 to 1.250" in lines
    assert " ".join(row[1:]) == "gender: f (beside m) 40 0.300 0.600 0.500 0.350 to 0.700"
    (suspected,) = [line for line in lines if line.startswith("suspected ")]
    assert "gender: f\N{REPLACEMENT CHARACTER}[2J" in suspected  # nothing of it reaches the terminal
    assert suspected.endswith("0.120  0.080 to 0.160")
    assert (
        "Violated: offers, share of users with an offer: gender f has 0.300 (40 users), beside 0.600 of m (60 users): "
        "ratio 0.500, interval 0.350 to 0.700, allowed 0.800 to 1.250. Four fifths are not reached."
    ) in lines
    assert "Of these the shop knows nothing: region." in lines
    assert "Compliance: 2 of 2 rules are kept" in lines
    assert "kept     HOLDOUT       1,234  What must hold." in lines


def test_a_group_stands_once_under_the_bounds_of_its_own_attribute(promo: Promo, database: Path) -> None:
    change(
        database,
        "insert into audits.fairness select * replace ('region' as attribute, 'north' as group_name, 0.9 as least, 1.1 as most) "
        "from audits.fairness where verdict = 'violated'",
    )
    lines = [line.rstrip() for line in promo("audit", "--database", database)[1].splitlines()]
    told = {}
    for line in lines:
        if "; allowed ratio " in line:
            bounds = line.partition("; allowed ratio ")[2]
        elif line.startswith("violated "):
            assert line.split("  ")[1].strip() not in told, "the same row is told twice"
            told[line.split("  ")[1].strip()] = bounds
    assert told == {"gender: f (beside m)": "0.800 to 1.250", "region: north (beside m)": "0.900 to 1.100"}


def test_it_leaves_with_1_when_strict_or_enforced(promo: Promo, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = "promo: fairness is violated in 1 of 2 comparisons\n"
    assert promo("audit", "--strict", "--database", database)[::2] == (1, told)
    monkeypatch.setattr(training_set, "dbt_vars", lambda: {"fairness": "enforce"})
    assert promo("audit", "--database", database)[::2] == (1, told)
    change(database, "update audits.fairness set verdict = 'suspected' where verdict = 'violated'")
    assert promo("audit", "--strict", "--database", database)[::2] == (0, "")


def test_a_broken_rule_leaves_with_1_and_tells_how_to_look(promo: Promo, database: Path) -> None:
    change(database, "update audits.compliance set violations = 3, sample = 'promotions.offers o1 user u' where rule = 'HOLDOUT'")
    code, out, err = promo("audit", "--database", database)
    assert (code, err) == (1, "promo: compliance is broken: HOLDOUT\n")
    assert "Compliance: 1 of 2 rules are kept" in out
    assert "broken 3 times  HOLDOUT" in out
    assert "HOLDOUT: promotions.offers o1 user u; all of them: select 1" in out


def test_scores_that_are_not_measured_are_told(promo: Promo, database: Path) -> None:
    change(database, "delete from audits.fairness where decision like 'score %'")
    out = promo("audit", "--database", database)[1]
    assert "Error rates of scores by group are not measured yet: promo audit --scores, then promo build." in out


def test_json_is_all_verdicts(promo: Promo, database: Path) -> None:
    code, out, _ = promo("audit", "--json", "--database", database)
    found: dict[str, Any] = json.loads(out)
    assert (code, len(found["fairness"]), len(found["compliance"])) == (0, 5, 2)
    violated = next(row for row in found["fairness"] if row["verdict"] == "violated")
    assert (violated["as_of_date"], violated["users"], violated["compared_high"]) == ("2024-03-01", 40, 0.7)


SUMS = """
create schema scores;
create table scores.score_fairness_sums as
    select date '2023-12-01' as as_of_date, 'score ' || score as decision, 10 as users
    from (values ('churn_risk'), ('interest')) as scores (score);
"""


def test_scores_are_measured_on_past_days_and_replace_what_was_measured_before(
    promo: Promo, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[str], list[date]]] = []

    class Learned:
        shop = training_set.Shop("files", 100, 100, date(2023, 12, 20), date(2024, 3, 1))

        def build_models(self, models: list[str], days: list[date], tell: object) -> None:
            asked.append((models, days))

        def rows(self, sql: str) -> pa.Table:
            assert sql == "select * from scores.score_fairness_sums"
            return pa.Table.from_pylist([{"users": 12, "decision": "score churn_risk", "as_of_date": date(2024, 2, 23)}])

    monkeypatch.setattr(training_set, "training_set", lambda *_: nullcontext(Learned()))
    change(database, SUMS)
    code, _, err = promo("audit", "--scores", "--database", database)
    assert code == 0
    assert "Measured by group: churn_risk as of 2024-02-23; promo build judges and publishes it" in " ".join(err.split())
    # of the days 7, 28 and 56 before the end of the data one has eight weeks of history before it
    assert asked == [(["score_fairness_sums"], [date(2024, 2, 23)])]
    with duckdb.connect(str(database)) as connection:
        kept = connection.execute("select decision, as_of_date, users from scores.score_fairness_sums order by all").fetchall()
    assert kept == [("score churn_risk", date(2024, 2, 23), 12), ("score interest", date(2023, 12, 1), 10)]

    Learned.shop = training_set.Shop("files", 100, 100, date(2024, 1, 20), date(2024, 3, 1))
    code, _, err = promo("audit", "--scores", "--quiet", "--database", database)
    assert (code, err) == (1, "promo: the shop's history is 41 days long; scores can be audited from 63 days on\n")


def test_what_is_published_is_read_and_never_written(promo: Promo, database: Path) -> None:
    published = published_path(database)
    published.parent.mkdir(parents=True, exist_ok=True)
    database.rename(published)
    published.chmod(0o400)
    before = published.read_bytes()
    code, out, _ = promo("audit", "--database", database)
    assert (code, out.splitlines()[0]) == (0, f"Read from {published}")
    assert published.read_bytes() == before


def test_bad_calls_are_one_line(promo: Promo, database: Path, tmp_path: Path) -> None:
    code, out, err = promo("audit", "--database", tmp_path / "nowhere.duckdb")
    assert (code, out, err.count("\n")) == (1, "", 1)
    for arguments, lacks in (((), "audits.compliance"), (("--scores", "--quiet"), "scores.score_fairness_sums")):
        change(database, "drop table if exists audits.compliance")
        code, out, err = promo("audit", *arguments, "--database", database)
        assert (code, out) == (1, "")
        assert err == f"promo: {database} holds no {lacks} yet; run promo build\n"
