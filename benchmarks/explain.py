"""How long `promo explain` takes on a shop of a million users, the start of its process included.

A built database is blown up as in benchmarks/lookups.py: each user stands many times, in rows of their own, every table in the
order it was written in.

Run: python benchmarks/explain.py warehouse/offerhouse.duckdb [--users 1000000] [--candidates 50] [--promotions 20] [--runs 20]
     [--keep big.duckdb]
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
from lookups import make, parser_of

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
    parser = parser_of(__doc__)
    parser.add_argument("--runs", type=int, default=20)
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        big = arguments.keep or Path(folder) / "big.duckdb"
        if not big.exists():
            more = [*TABLES, *policies(arguments.database)]
            make(arguments.database, big, arguments.users, arguments.candidates, arguments.promotions, VIEWS, more)
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


def policies(database: Path) -> list[str]:
    """Every policy of a built database."""
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute("select 'policies.' || table_name from duckdb_tables() where schema_name = 'policies'")
        return [name for (name,) in found.fetchall()]


if __name__ == "__main__":
    main()
