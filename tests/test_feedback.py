"""What users said of offers, by the models' own SQL on random verdicts: a hide always wins, weights follow and fade."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rendered_sql import ENGINE_PREFIX, PROJECT, SETTINGS, Renderer, define_engine_macros

AS_OF = datetime(2024, 3, 1)
HALF_LIFE, FACTOR, MOST = 30, 1.5, 3.0

Verdict = tuple[str, str, int, str]
"""Offer (a product shown), its category, hours before the as-of date, and what was said."""

verdicts = st.lists(
    st.tuples(
        st.sampled_from(["tea", "milk"]),
        st.just("DRINKS"),
        st.integers(-100, 24 * 200),
        st.sampled_from(["like", "dislike", "hide", "used"]),
    ),
    max_size=8,
    unique_by=lambda verdict: verdict[:3],
)


@pytest.fixture(scope="module")
def shop() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        define_engine_macros(connection)
        connection.execute(f"create macro {ENGINE_PREFIX}utc_midnight(day) as cast(day as timestamp)")
        connection.execute("create table as_of_dates as select date '2024-03-01' as as_of_date")
        connection.execute(
            "create table user_permissions as select date '2024-03-01' as as_of_date, user_id, user_id = 'u' as "
            "personalisation_consent from (values ('u'), ('refused')) as t(user_id)"
        )
        yield connection


@pytest.fixture(scope="module")
def models() -> dict[str, str]:
    renderer = Renderer(SETTINGS[0])
    names = ("user_hidden_items", "user_feedback_weights")
    return {name: renderer.model(PROJECT / f"models/features/{name}.sql")[0] for name in names}


def rows(
    shop: duckdb.DuckDBPyConnection, models: dict[str, str], model: str, said: list[Verdict], hide_days: int = 0
) -> list[dict[str, Any]]:
    """The model's rows of users u and refused, who both said the same."""
    said_by = "user_id varchar, offer_id varchar, given_at timestamp, given_on date, verdict varchar"
    shop.execute(f"create or replace table offer_verdicts ({said_by}, promotion_id varchar, product_id varchar, is_pick boolean)")
    shop.execute(
        f"create or replace table verdict_subjects ({said_by}, subject_kind varchar, subject varchar, subject_share double)"
    )
    for user in ("u", "refused"):
        for offer, category, hours, verdict in said:
            at = AS_OF - timedelta(hours=hours)
            row = [user, offer, at, at.date(), verdict]
            shop.execute("insert into offer_verdicts values (?, ?, ?, ?, ?, null, ?, true)", [*row, offer])
            shop.execute("insert into verdict_subjects values (?, ?, ?, ?, ?, 'category', ?, 1)", [*row, category])
    shop.execute("create or replace table policy_values (name varchar, value double)")
    values = {
        "hide_days": hide_days,
        "feedback_half_life_days": HALF_LIFE,
        "feedback_factor": FACTOR,
        "feedback_max_weight": MOST,
        "feedback_used_weight": 0.5,
    }
    shop.executemany("insert into policy_values values (?, ?)", list(values.items()))
    found = shop.execute(models[model])
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def weight(shop: duckdb.DuckDBPyConnection, models: dict[str, str], said: list[Verdict]) -> float:
    found = rows(shop, models, "user_feedback_weights", said)
    assert all(row["user_id"] == "u" for row in found), "who refused personalisation has a profile"
    return float(found[0]["weight"]) if found else 1.0


@given(verdicts, st.sampled_from([0, 1, 30]))
@settings(max_examples=30, deadline=None)
def test_a_hide_wins_over_whatever_else_was_said(
    shop: duckdb.DuckDBPyConnection, models: dict[str, str], said: list[Verdict], hide_days: int
) -> None:
    found = rows(shop, models, "user_hidden_items", said, hide_days)
    expected = set()
    for offer, _, hours, verdict in said:
        days = (AS_OF.date() - (AS_OF - timedelta(hours=hours)).date()).days
        if verdict == "hide" and hours > 0 and (hide_days == 0 or days <= hide_days):
            expected |= {("u", offer), ("refused", offer)}
    assert {(row["user_id"], row["item_id"]) for row in found} == expected


@given(verdicts, st.integers(1, 24 * 200))
@settings(max_examples=30, deadline=None)
def test_a_dislike_never_raises_a_weight_and_a_like_never_lowers_it(
    shop: duckdb.DuckDBPyConnection, models: dict[str, str], said: list[Verdict], hours: int
) -> None:
    before = weight(shop, models, said)
    assert 1 / MOST <= before <= MOST
    assert weight(shop, models, [*said, ("jam", "DRINKS", hours, "like")]) >= before
    assert weight(shop, models, [*said, ("jam", "DRINKS", hours, "dislike")]) <= before
    assert weight(shop, models, [*said, ("jam", "DRINKS", -hours, "like"), ("jam", "DRINKS", 0, "dislike")]) == before


@pytest.mark.parametrize("half_lives", [1, 2, 5])
def test_a_verdict_counts_half_after_each_half_life(
    shop: duckdb.DuckDBPyConnection, models: dict[str, str], half_lives: int
) -> None:
    hours = 24 * HALF_LIFE * half_lives
    expected = FACTOR ** (0.5**half_lives)
    assert weight(shop, models, [("tea", "DRINKS", hours, "like")]) == pytest.approx(expected)
    assert weight(shop, models, [("tea", "DRINKS", hours, "dislike")]) == pytest.approx(1 / expected)
