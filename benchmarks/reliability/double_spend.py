"""Fifty allocations at once on one database, some of them killed: no budget is reserved twice.

An attempt runs dbt on the reservations, the offers and all between them; attempts wait for each other's lock, and a fifth of
them is killed at a random moment. Half of them allocate the shop's first day; then its second day is built, on which the first
day's offers are still open, and the others allocate that one. Looked at are the working database after each half and the
published one after a whole build:

    what is reserved for a budget's open offers <= the budget
    a promotion's open offers <= its max_redemptions
    a user's open offers <= max_offers_per_user, and one of a promotion at most

python benchmarks/reliability/double_spend.py [--attempts 50] [--at-once 8] [--seed 1]
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
from small_warehouse import SmallWarehouse

# Open on a day: made by then, and still valid. Every day an offer was made on is looked at.
_OPEN = """
    with open_offers as (
        select days.day, offers.*
        from (select distinct as_of_date as day from promotions.offers) as days
        inner join promotions.offers on offers.as_of_date <= days.day and offers.valid_to > days.day
    )
"""
LIMITS = {
    "budget": _OPEN
    + """
        select day, budget_id, sum(reserved_budget) as reserved, max(budget) as budget
        from open_offers
        inner join promotions.promotion_terms using (promotion_id)
        group by day, budget_id
        having sum(reserved_budget) > max(budget)
    """,
    "uses": _OPEN
    + """
        select day, promotion_id, count(*) as offers, max(max_redemptions) as max_redemptions
        from open_offers
        inner join promotions.promotion_terms using (promotion_id)
        group by day, promotion_id
        having count(*) > max(max_redemptions)
    """,
    "user": _OPEN
    + """
        select day, user_id, count(*) as offers
        from open_offers
        group by day, user_id
        having count(*) > (select max(value) from policies.policy_values where name = 'max_offers_per_user')
            or count(*) > count(distinct promotion_id)
    """,
}


def broken(database: Path) -> list[str]:
    """What is over its limit in a database."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return [f"{what}: {row}" for what, query in LIMITS.items() for row in connection.execute(query).fetchall()]


def attempt(warehouse: SmallWarehouse, number: int, kill_after: float | None) -> str:
    """Allocate once more; done, killed, or how it failed."""
    artefacts = warehouse.folder / f"dbt_{number}"  # of its own: dbt commands at once would write each other's files
    shutil.copytree(warehouse.database.parent / "dbt" / "warehouse", artefacts)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "dbt.cli.main", "run", "--select", "reservations+", "--vars", "{}"),
            *("--project-dir", str(warehouse.package / "dbt_project"), "--profiles-dir", str(warehouse.package)),
            *("--target-path", str(artefacts), "--log-path", str(artefacts)),
        ],
        cwd=warehouse.folder,
        env=warehouse.environment(OFFERHOUSE_WAIT="3600"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output, _ = process.communicate(timeout=kill_after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return "killed"
    return "done" if process.returncode == 0 else f"failed: {output[-300:]}"


def main() -> None:
    """Print how many attempts went through, were killed or sent away, and what was over its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attempts", type=int, default=50)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kill-within", type=float, default=60, metavar="SECONDS", help="kills come this long after the start")
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)  # noqa: S311
    kills = {number: chance.uniform(1, arguments.kill_within) for number in range(arguments.attempts) if chance.random() < 0.2}
    ended: list[str] = []
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        warehouse = SmallWarehouse(Path(folder))
        warehouse.make()
        for half, shop in enumerate(("shop_1", "shop_2")):
            warehouse.must(warehouse.load(shop))
            warehouse.must(warehouse.command("build", "-q"))
            numbers = range(half, arguments.attempts, 2)
            with ThreadPoolExecutor(arguments.at_once) as pool:
                ended += pool.map(lambda number: attempt(warehouse, number, kills.get(number)), numbers)
            faults += [f"working database, {shop}: {fault}" for fault in broken(warehouse.database)]
        warehouse.must(warehouse.command("build", "-q"))
        faults += [f"published: {fault}" for fault in broken(warehouse.published)]
        with duckdb.connect(str(warehouse.published), read_only=True) as connection:
            offers = connection.execute("select count(*), count(distinct as_of_date) from promotions.offers").fetchall()[0]
    failed = [end for end in ended if end.startswith("failed")]
    print(
        f"{arguments.attempts} allocations, {arguments.at_once} at once: {ended.count('done')} done, "
        f"{ended.count('killed')} killed, {len(failed)} failed; {offers[0]} offers of {offers[1]} days, "
        f"{len(faults)} limits broken"
    )
    for line in [*failed[:3], *faults]:
        print(f"  {line}")
    if failed or faults:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
