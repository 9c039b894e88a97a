"""Segment rules: every table that passes the policy check puts each user into one segment of each dimension."""

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rendered_sql import PROJECT, SETTINGS, Renderer

DIMENSIONS = ("life_cycle", "value_tier", "intent")
BOUNDS = ("recency_min", "recency_max", "first_purchase_max", "value_percentile_min", "intent_min")

USERS = """
create table as_of_dates as select date '2024-03-01' as as_of_date, date '2024-03-01' as data_until;
create table user_features as
select date '2024-03-01' as as_of_date, 'u' || i as user_id, case when i % 5 > 0 then 1 + hash(i) % 200 end as recency_days,
    case when i % 5 > 0 then 1 + hash(i) % 200 + hash(i + 999) % 200 end as days_since_first_purchase,
    i % 9 as visit_days_364d, i % 9 * 10.0 as recency_weighted_spend, (hash(i + 7) % 11) / 10.0 as value_percentile
from range(200) as t(i);
create table purchase_intent_scores as
select user_id, (hash(user_id) % 11) / 10.0 as purchase_intent from user_features where hash(user_id) % 4 > 0;
create table user_rfm (
    as_of_date date, user_id varchar, recency_quintile integer, frequency_quintile integer, monetary_quintile integer
);
create table user_clusters (as_of_date date, user_id varchar, cluster integer, cluster_name varchar);
create table segment_rules (
    dimension varchar, segment varchar, priority integer, recency_min integer, recency_max integer, first_purchase_max integer,
    value_percentile_min double, intent_min double
);
"""

Rule = dict[str, Any]


@pytest.fixture(scope="module")
def shop() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(USERS)
        yield connection


@pytest.fixture(scope="module")
def segments_sql() -> str:
    return Renderer(SETTINGS[0]).model(PROJECT / "models/promotions/user_segments.sql")[0]


@pytest.fixture(scope="module")
def check_sql(shop: duckdb.DuckDBPyConnection) -> str:
    """The part of audits.policy_faults that looks at segment rules and recommendations."""
    shop.execute(f"create table recommendation_weights as from read_csv('{PROJECT}/seeds/recommendation_weights.csv')")
    shop.execute(f"create table policy_values as from read_csv('{PROJECT}/seeds/policy_values.csv')")
    return f"select policy_file, policy_row, fault from ({Renderer(SETTINGS[0]).macro('segment_policy_faults')})"


def write_rules(shop: duckdb.DuckDBPyConnection, rules: list[Rule]) -> None:
    shop.execute("delete from segment_rules")
    for rule in rules:
        values = [rule.get(column) for column in ("dimension", "segment", "priority", *BOUNDS)]
        shop.execute("insert into segment_rules values (?, ?, ?, ?, ?, ?, ?, ?)", values)


def shipped_rules() -> list[Rule]:
    with duckdb.connect() as connection:
        found = connection.execute(f"from read_csv('{PROJECT}/seeds/segment_rules.csv', header = true)")
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


days = st.none() | st.integers(0, 250)
share = st.none() | st.sampled_from([0.0, 0.3, 0.5, 1.0])
bounds = st.fixed_dictionaries(dict(zip(BOUNDS, (days, days, days, share, share), strict=True)))


@st.composite
def rule_tables(draw: st.DrawFn) -> list[Rule]:
    """Mostly sound tables: bounds in any order and priorities that may clash, and in each dimension perhaps a row for all."""
    rules: list[Rule] = []
    for dimension in DIMENSIONS:
        bounded = draw(st.lists(bounds, max_size=4))
        named = [{**rule, "dimension": dimension, "segment": f"s{place}"} for place, rule in enumerate(bounded)]
        if draw(st.integers(0, 9)) > 0:
            named.append({"dimension": dimension, "segment": "everyone"})
        priorities = draw(st.permutations(range(1, 8)))
        rules += [{**rule, "priority": priority} for rule, priority in zip(named, priorities, strict=False)]
    return rules


@given(rule_tables())
@settings(max_examples=120, deadline=None)
def test_rules_that_pass_the_check_give_every_user_one_segment_of_each_dimension(
    shop: duckdb.DuckDBPyConnection, segments_sql: str, check_sql: str, rules: list[Rule]
) -> None:
    write_rules(shop, rules)
    if any(file == "segment_rules" for file, _, _ in shop.execute(check_sql).fetchall()):
        return
    rows = shop.execute(f"select user_id, life_cycle, value_tier, intent from ({segments_sql})").fetchall()
    assert len(rows) == len({row[0] for row in rows}) == 200
    assert all(segment is not None for row in rows for segment in row)


def test_the_shipped_rules_pass(shop: duckdb.DuckDBPyConnection, check_sql: str) -> None:
    write_rules(shop, shipped_rules())
    assert shop.execute(check_sql).fetchall() == []


FAULTS: dict[str, tuple[Rule, str, str]] = {
    "unknown dimension": (
        {"dimension": "mood", "segment": "merry", "priority": 1},
        "mood/merry",
        "the dimension is unknown: write life_cycle or value_tier or intent",
    ),
    "no dimension": (
        {"segment": "merry", "priority": 1},
        "?/merry",
        "the dimension is unknown: write life_cycle or value_tier or intent",
    ),
    "no priority": ({"dimension": "intent", "segment": "eager"}, "intent/eager", "a rule needs a segment and a priority"),
    "bounds the wrong way round": (
        {"dimension": "life_cycle", "segment": "odd", "priority": 9, "recency_min": 9, "recency_max": 8},
        "life_cycle/odd",
        "nobody can be in it: recency_min is above recency_max",
    ),
    "a percentile in percent": (
        {"dimension": "value_tier", "segment": "top", "priority": 9, "value_percentile_min": 90.0},
        "value_tier/top",
        "value_percentile_min lies outside 0 to 1",
    ),
    "one priority twice": (
        {"dimension": "life_cycle", "segment": "odd", "priority": 3},
        "life_cycle/odd",
        "another segment of the dimension has the same priority: give each its own",
    ),
    "one name twice": (
        {"dimension": "intent", "segment": "unknown", "priority": 9},
        "intent/unknown",
        "the segment stands more than once in its dimension",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_rule_is_a_sentence_that_names_file_and_row(shop: duckdb.DuckDBPyConnection, check_sql: str, fault: str) -> None:
    rule, row, sentence = FAULTS[fault]
    write_rules(shop, [*shipped_rules(), rule])
    assert ("segment_rules", row, sentence) in shop.execute(check_sql).fetchall()


def test_a_dimension_without_a_row_for_all_is_a_sentence(shop: duckdb.DuckDBPyConnection, check_sql: str) -> None:
    write_rules(shop, [rule for rule in shipped_rules() if rule["segment"] != "prospect"])
    sentence = "some users would be in none of its segments: give the dimension a row without bounds"
    assert shop.execute(check_sql).fetchall() == [("segment_rules", "life_cycle", sentence)]


@pytest.mark.parametrize(
    ("table", "change", "row"),
    [
        (
            "recommendation_weights",
            "update recommendation_weights set segment = 'rich' where segment = 'high_value'",
            "value_tier/rich",
        ),
        (
            "recommendation_weights",
            "update recommendation_weights set margin_weight = -1 where segment = 'low_value'",
            "value_tier/low_value",
        ),
        ("policy_values", "update policy_values set value = 1.5 where name = 'new_product_every'", "new_product_every"),
        ("policy_values", "update policy_values set value = 0 where name = 'segment_history_days'", "segment_history_days"),
    ],
)
def test_bad_weights_and_numbers_are_sentences_too(
    shop: duckdb.DuckDBPyConnection, check_sql: str, table: str, change: str, row: str
) -> None:
    write_rules(shop, shipped_rules())
    shop.execute("begin")
    shop.execute(change)
    found = shop.execute(check_sql).fetchall()
    shop.execute("rollback")
    assert [fault[:2] for fault in found] == [(table, row)]
