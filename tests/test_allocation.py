"""Allocation against the bound of its linear programme, by the project's own SQL on instances made here."""

from collections.abc import Callable

import duckdb
import pytest
from allocation_instances import linear_bound, make_instance, reached_and_broken
from compiled_sql import CATALOG, compiled_models

# `python benchmarks/allocation.py` takes 200 of them.
SEEDS = range(10)


@pytest.fixture(scope="module")
def statements(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The compiled select of each model, by name."""
    return compiled_models(["allocation_sample", "budget_prices", "allocation"], tmp_path_factory.mktemp("compiled"))


@pytest.fixture
def allocate(connection: duckdb.DuckDBPyConnection, statements: dict[str, str]) -> Callable[[], None]:
    """Runs budget_prices and allocation over the tables that stand in the connection."""
    connection.execute(f"attach ':memory:' as {CATALOG}; use {CATALOG}; create schema promotions; create schema policies")
    connection.execute("create table policies.allocation_strategies as select 'expected_margin' as strategy, true as is_in_use")

    def run() -> None:
        for model, statement in statements.items():
            connection.execute(f"create or replace table promotions.{model} as {statement}")

    return run


def test_instances_come_within_three_in_a_thousand_of_the_linear_bound(
    connection: duckdb.DuckDBPyConnection, allocate: Callable[[], None]
) -> None:
    shortfalls = {}
    for seed in SEEDS:
        make_instance(connection, seed)
        allocate()
        reached, broken = reached_and_broken(connection)
        assert broken == 0, f"seed {seed}: a budget, a bound on uses or the number of offers a user is broken"
        shortfalls[seed] = 1 - reached / linear_bound(connection)
    assert min(shortfalls.values()) > -1e-9
    assert max(shortfalls.values()) <= 0.003, sorted(shortfalls.items(), key=lambda item: -item[1])[:5]


def test_a_price_lies_between_what_the_last_offer_brings_and_the_next_would(
    connection: duckdb.DuckDBPyConnection, allocate: Callable[[], None]
) -> None:
    connection.execute("""
        create table promotions.eligible_promotions as
        select
            date '2025-01-01' as as_of_date, user_id, promotion_id, promotion_id as budget_id, 1 as priority,
            promotion_id as choice_class,
            1.00::decimal(18, 2) as cost, 1 as user_rank, 3 as offers_left,
            0.5::float as purchase_intent, 0.5::float as redemption_score, margin::double as expected_margin,
            budget::decimal(18, 2) as budget_left, uses::integer as redemptions_left
        from (values
            ('a', 'SCARCE', 4, 2, null), ('b', 'SCARCE', 3, 2, null), ('c', 'SCARCE', 2, 2, null),
            ('a', 'PLENTY', 1, 50, null), ('a', 'CAPPED', 7, null, 1), ('b', 'CAPPED', 5, null, 1)
        ) as pairs(user_id, promotion_id, margin, budget, uses)
    """)
    allocate()
    prices = dict(connection.execute("select resource_id, price from promotions.budget_prices").fetchall())
    assert prices["SCARCE"] == pytest.approx(2.5, abs=0.5 + 1e-6)
    assert prices["PLENTY"] == 0
    assert prices["CAPPED"] == pytest.approx(6, abs=1 + 1e-6)
