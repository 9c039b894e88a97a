"""How long `promo explain` takes on a shop of a million users, the start of its process included.

A built database is blown up as in benchmarks/lookups.py: each user stands many times, in rows of their own, every table in the
order it was written in.

Run: python benchmarks/explain.py warehouse/offerhouse.duckdb [--users 1000000] [--candidates 50] [--promotions 20] [--runs 20]
     [--keep big.duckdb]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
from lookups import USER, beneath, blow_up

VIEWS = ["dynamic_prices", "score_reasons", "offer_reasons", "open_offers", "shop_settings"]
TABLES = [
    "audits.builds",
    "features.product_policy",
    "features.user_data_used",
    "features.user_permissions",
    "promotions.considered_promotions",
    "promotions.recommendations",
    "promotions.user_segments",
    "staging.as_of_dates",
    "staging.stg_products",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", type=Path)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--candidates", type=int, default=50)
    parser.add_argument("--promotions", type=int, default=20)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--keep", type=Path, help="keep the database there; one that stands there already is measured as it is")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        big = arguments.keep or Path(folder) / "big.duckdb"
        if not big.exists():
            make(arguments.database, big, arguments.users, arguments.candidates, arguments.promotions)
        with duckdb.connect(str(big), read_only=True) as connection:
            users = connection.execute(
                f"select user_id from everybody using sample reservoir({arguments.runs + 1} rows) repeatable (1)"
            ).fetchall()
            (known,) = connection.execute("select count(*) from everybody").fetchall()[0]
        command = [sys.executable, "-m", "promo_cli.main", "explain", "--quiet", "--database", str(big)]
        for options in ([], ["--json"]):
            times = []
            for (user,) in users:  # the first warms up
                started = time.perf_counter()
                subprocess.run([*command, *options, user], check=True, capture_output=True)
                times.append(time.perf_counter() - started)
            times = sorted(times[1:])
            told = f"{known:,} users, explain {' '.join(options)}: p50 {times[len(times) // 2]:.2f} s, longest {times[-1]:.2f} s"
            print(told, flush=True)


def make(database: Path, big: Path, users: int, candidates: int, promotions: int) -> None:
    """Write the blown-up database `big`."""
    with duckdb.connect(str(big)) as connection:
        connection.execute("set memory_limit = '4GB'")
        connection.execute(f"attach '{database}' as source (read_only)")
        tables, views = beneath(connection, VIEWS)
        policies = connection.execute(
            "select 'policies.' || table_name from duckdb_tables() where database_name = 'source' and schema_name = 'policies'"
        ).fetchall()
        tables = list(dict.fromkeys([*tables, *TABLES, *(name for (name,) in policies)]))
        (known,) = connection.execute("select count(*) from source.features.user_permissions").fetchall()[0]
        copies = -(-users // known)
        for schema in {name.split(".")[0] for name in [*tables, *views]}:
            connection.execute(f"create schema if not exists {schema}")
        for table in tables:
            started = time.perf_counter()
            of_promotions = table in ("promotions.considered_promotions", "promotions.refusals")
            order = blow_up(connection, table, known, copies, promotions if of_promotions else candidates)
            (rows,) = connection.execute(f"select count(*) from {table}").fetchall()[0]
            print(f"{table}: {rows:,} rows, {order}, {time.perf_counter() - started:.0f} s", flush=True)
        connection.execute(
            f"create table everybody as select {USER} as user_id from source.features.user_permissions as t, "
            f"range({copies}) as c(copy)"
        )
        for sql in views.values():
            connection.execute(sql)


if __name__ == "__main__":
    main()
