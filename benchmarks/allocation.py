"""Allocation: how close to the linear programme's bound on 200 instances, and how long for 1,000,000 users × 20 promotions.

python benchmarks/allocation.py [--instances 200] [--users 1000000]

The bound is HiGHS's optimum of the problem whose offers may be cut into parts. Needs the extras train and dev.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from allocation_instances import linear_bound, make_instance, reached_and_broken
from compiled_sql import CATALOG, compiled_models

MODELS = ["allocation_sample", "budget_prices", "allocation"]
LIMIT_SECONDS, LIMIT_GIB, LIMIT_SHORTFALL = 60, 4, 0.003


def connect(path: str) -> duckdb.DuckDBPyConnection:
    """An empty database with the tables of policy that allocation reads."""
    connection = duckdb.connect()
    connection.execute(f"attach '{path}' as {CATALOG}; use {CATALOG}; create schema promotions; create schema policies")
    connection.execute("create table policies.allocation_strategies as select 'expected_margin' as strategy, true as is_in_use")
    return connection


def allocate(connection: duckdb.DuckDBPyConnection, statements: dict[str, str]) -> None:
    for model in MODELS:
        connection.execute(f"create or replace table promotions.{model} as {statements[model]}")


def against_the_bound(statements: dict[str, str], instances: int) -> None:
    connection = connect(":memory:")
    shortfalls = []
    for seed in range(instances):
        make_instance(connection, seed)
        allocate(connection, statements)
        reached, broken = reached_and_broken(connection)
        assert not broken
        shortfalls.append(1 - reached / linear_bound(connection))
    print(f"{instances} instances of 2,000-4,000 users: short of the bound by {np.mean(shortfalls):.4%} in the mean, ", end="")
    print(f"{max(shortfalls):.4%} at most (limit {LIMIT_SHORTFALL:.1%})")


def at_scale(folder: Path, users: int) -> None:
    """Run in a process of its own, whose peak memory is then that of allocation (and of making the pairs)."""
    statements = {model: (folder / f"{model}.sql").read_text() for model in MODELS}
    connection = connect(str(folder / "scale.duckdb"))
    connection.execute(f"set threads = 2; set memory_limit = '3GB'; set temp_directory = '{folder}/spill'")
    connection.execute("set preserve_insertion_order = false")
    connection.execute(f"""
        create table promotions.eligible_promotions as
        select
            date '2025-01-01' as as_of_date, 'u' || lpad(u::varchar, 8, '0') as user_id, 'p' || p as promotion_id,
            'p' || p as budget_id, 10 as priority,
            case when p < 6 then 'g' || p // 3 else 'p' || p end as choice_class,
            cast(1 as integer) as user_rank, 3 as offers_left,
            cast(1 + p % 7 + (hash(u * 31 + p) % 100) / 100.0 as decimal(18, 2)) as cost,
            0.5::float as purchase_intent, 0.5::float as redemption_score,
            (1 + p % 5) * (hash(u * 17 + p) % 100000 + 1) / 50000.0 as expected_margin,
            case when p % 4 > 0 then cast({users} * (p % 4) * 0.05 * (1 + p % 7) as decimal(18, 2)) end as budget_left,
            case when p % 5 = 0 then cast({users} * 0.1 as integer) end as redemptions_left
        from range({users}) as users(u), range(20) as promotions(p)
    """)
    before = time.perf_counter()
    allocate(connection, statements)
    seconds = time.perf_counter() - before
    reached, broken = reached_and_broken(connection)
    prices = "coalesce(money.price, 0) * pairs.cost + coalesce(uses.price, 0)"
    # The dual's value at any prices is a bound too: the linear programme itself is too large to solve at this size.
    bound = connection.execute(f"""
        select
            (select sum(net) from (
                select net from (
                    select user_id, choice_class, max(greatest(0, expected_margin - ({prices}))) as net
                    from promotions.eligible_promotions as pairs
                    left join promotions.budget_prices as money
                        on pairs.budget_id = money.resource_id and money.resource = 'budget'
                    left join promotions.budget_prices as uses
                        on pairs.promotion_id = uses.resource_id and uses.resource = 'redemptions'
                    group by user_id, choice_class
                )
                qualify row_number() over (partition by user_id order by net desc) between 1 and 3
            )) + (select sum(price * capacity) from promotions.budget_prices)
    """).fetchall()[0][0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{users:,} users × 20 promotions: {seconds:.0f} s (limit {LIMIT_SECONDS}), peak {peak:.1f} GiB (limit {LIMIT_GIB}), ",
        end="",
    )
    print(f"short of the dual bound by {1 - reached / bound:.4%}, limits broken: {broken}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=200)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--scale-folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.scale_folder:
        at_scale(arguments.scale_folder, arguments.users)
        return
    with tempfile.TemporaryDirectory() as folder:
        statements = compiled_models(MODELS, Path(folder))
        for model, statement in statements.items():
            (Path(folder) / f"{model}.sql").write_text(statement)
        if arguments.users:
            command = [sys.executable, __file__, "--users", str(arguments.users), "--scale-folder", folder]
            subprocess.run(command, check=True, env=os.environ)
        if arguments.instances:
            against_the_bound(statements, arguments.instances)


if __name__ == "__main__":
    main()
