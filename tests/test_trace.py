"""`promo trace`: what an offer was decided by, told whole; what is not on record, told in one line."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from rendered_sql import PROJECT, SETTINGS, Renderer, define_engine_macros

Promo = Callable[..., tuple[int, str, str]]

RECORD = """
create schema audits; create schema promotions; create schema policies;
create table audits.offer_lineage as
select * from (values
    ('0ffe00000000000a', 'bb', 'on record', timestamp '2024-03-02 01:00:00', 'passed', 'cafe', timestamp '2024-03-02 01:05:00'),
    ('0ffe00000000000a', 'aa', 'replaced', timestamp '2024-03-01 01:00:00', 'passed', 'beef', timestamp '2024-03-01 01:05:00'),
    ('0ffe00000000000b', 'gone', 'withdrawn', null, null, null, timestamp '2024-03-01 01:05:00')
) as t(offer_id, build_id, status, build_started_at, build_outcome, policy_version, recorded_at)
cross join (
    select date '2024-03-01' as as_of_date, 'u1' as user_id, 'PICK10' as promotion_id, 'tea' as product_id,
        '{"promotion_name": "10 % off Tea\\u001b[2J", "face_value": 0.25, "reason": "Ranked 1."}' as terms,
        '{"redemption_score": 0.5, "cost": 0.25, "feedback_weight": 1.5}' as verdict,
        '{"personal_price": 2.25, "reason": "List price 2.50; price 2.25."}' as price,
        '{"strategy": "expected_margin", "user_rank": 1, "budget_left": null}' as place,
        '{"interest": {"score": 0.3333333333333333, "model_name": "interest", "model_version": "abc"},
          "churn_risk": {"score": 0.5, "model_name": "churn_risk (rule)", "model_version": "def"}}' as scores,
        '{"purchase_intent_tokens": [0, 7], "interest": {"own_affinity": 0.1, "own_mean_gap_days": null}}' as features,
        '[{"table_name": "shop.order_lines", "key_column": "user_id", "row_count": 1234,
           "first_on": "2023-01-02", "last_on": "2024-02-29"},
          {"table_name": "shop.coupons", "key_column": "coupon_id", "row_count": 1, "first_on": null, "last_on": null}]'
            as source_rows
) as rest;
create table audits.offer_inputs as select offer_id from audits.offer_lineage;
create table audits.model_registry as
select * from (values ('interest', 'abc', 'abc' || repeat('0', 61))) as t(model_name, model_version, sha256);
create table promotions.offers as
select * from (values ('0ffe00000000000a', date '2024-03-01'), ('0ffe000000000001', date '2021-03-01'))
    as t(offer_id, as_of_date);
create table policies.policy_values as select 'offer_inputs_days' as name, 400.0 as value;
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "offerhouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(RECORD)
    return path


def test_the_newest_decision_is_told_whole(database: Path, promo: Promo) -> None:
    code, out, err = promo("trace", "--quiet", "0ffe00000000000a", "--json", "--database", database)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["build_id"], found["build_outcome"], found["policy_version"], found["status"]) == (
        "bb",
        "passed",
        "cafe",
        "on record",
    )
    assert found["models"] == [
        {"model_name": "churn_risk (rule)", "model_version": "def", "sha256": None},
        {"model_name": "interest", "model_version": "abc", "sha256": "abc" + "0" * 61},
    ]
    assert found["features"]["interest"] == {"own_affinity": 0.1, "own_mean_gap_days": None}
    assert found["price"]["personal_price"] == 2.25
    assert found["source_rows"][0]["row_count"] == 1234
    assert found["as_of_date"] == "2024-03-01"


def test_people_are_told_the_same(database: Path, promo: Promo) -> None:
    code, out, _ = promo("trace", "--quiet", "0ffe00000000000a", "--database", database)
    assert code == 0
    for told in (
        "offer 0ffe00000000000a to user u1, on product tea, decided for 2024-03-01",
        "bb, passed, begun 2024-03-02T01:00:00 UTC",
        "cafe",
        "counts × 1.5",
        "List price 2.50; price 2.25.",
        "abc" + "0" * 61,
        "no longer registered",
        "coupon_id = PICK10",
        "1,234",
        "own_affinity=0.1 own_mean_gap_days=none",
        "without bound",
    ):
        assert told in out, told
    assert "\x1b" not in out  # nothing of a shop's that a terminal would obey


def test_a_build_that_is_gone_is_told_in_its_line(database: Path, promo: Promo) -> None:
    code, out, _ = promo("trace", "--quiet", "0ffe00000000000b", "--database", database)
    assert code == 0
    assert "gone, which is no longer on record" in out
    assert "a later build of the day did not make it" in out
    assert "not known: the build did not come to its end" in out


def test_a_decision_older_than_retention_is_one_line(database: Path, promo: Promo) -> None:
    code, out, err = promo("trace", "--quiet", "0ffe000000000001", "--database", database)
    assert (code, out) == (1, "")
    assert err == (
        "promo: offer 0ffe000000000001 was made on 2021-03-01, but what decided it is no longer on record: the policy's "
        "offer_inputs_days keeps it for 400 days\n"
    )


@pytest.mark.parametrize("offer", ["0ffe0000000000aa", "'; drop table audits.builds; --", "\udc80", "x" * 5000, ""])
def test_an_unknown_offer_is_one_line_with_the_nearest(database: Path, promo: Promo, offer: str) -> None:
    code, out, err = promo("trace", "--quiet", offer, "--database", database)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "is not known; nearest: 0ffe" in err


def test_no_build_and_no_database_are_one_line(tmp_path: Path, promo: Promo) -> None:
    database = tmp_path / "offerhouse.duckdb"
    assert promo("trace", "--quiet", "a", "--database", database)[0] == 1
    duckdb.connect(str(database)).close()
    code, _, err = promo("trace", "--quiet", "a", "--database", database)
    assert (code, err.count("\n")) == (1, 1)
    assert "is not built yet, it holds no audits.offer_lineage; run promo build" in err


def test_what_decided_an_offer_stays_for_the_policys_days(connection: duckdb.DuckDBPyConnection) -> None:
    define_engine_macros(connection)
    connection.execute("create table as_of_dates as select date '2024-03-01' as as_of_date")
    connection.execute("create table policy_values as select 'offer_inputs_days' as name, 30.0 as value")
    connection.execute(
        "create table this_model as select date '2024-03-01' - cast(i as integer) as as_of_date from range(40) as t(i)"
    )
    _, forget = Renderer(SETTINGS[1]).model(PROJECT / "models/audits/offer_inputs.sql")
    connection.execute(forget)
    assert connection.execute("select count(*), min(as_of_date)::varchar from this_model").fetchall() == [(31, "2024-01-31")]


def test_nothing_deletes_or_replaces_the_record_of_builds() -> None:
    """What a test of builds can't see: a statement that no test runs."""
    record = r"(audits\s*[.]\s*|\b)(builds|build_nodes)\b"
    gone = re.compile(
        rf"(delete\s+from|truncate(\s+table)?|drop\s+table(\s+if\s+exists)?|(create\s+or\s+replace|insert\s+or\s+replace\s+into)"
        rf"(\s+table)?)\s+\S*{record}",
        re.IGNORECASE,
    )
    assert gone.search("delete from audits.builds")
    assert gone.search('create or replace table "db".audits.build_nodes as select 1')
    files = [
        *PROJECT.rglob("*.sql"),
        *(PROJECT.parent / "promo_cli").rglob("*.py"),
        *(PROJECT.parent / "promo_cli").rglob("*.sql"),
    ]
    assert len(files) > 200
    assert not [file for file in files if gone.search(file.read_text())]
