"""Baskets: how long 100,000 of them take to be quoted at once, and one of them to be looked up.

python benchmarks/baskets.py [--baskets 100000]

The baskets are those of the property tests: one to five lines, none to four offers. Needs the extras train and dev.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from basket_shop import MODELS, make_baskets, open_shop, run_models, write_baskets
from compiled_sql import compiled_models

LIMIT_SECONDS, LIMIT_MILLISECONDS = 60, 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baskets", type=int, default=100_000)
    count = parser.parse_args().baskets
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        statements = compiled_models(MODELS, Path(folder))
        connection.execute("set TimeZone = 'UTC'; set threads = 2; set memory_limit = '3GB'")
        open_shop(connection)
        baskets = make_baskets(1, count)
        write_baskets(connection, baskets)
        started = time.perf_counter()
        run_models(connection, statements)
        print(f"{count:,} baskets quoted in {time.perf_counter() - started:.1f} s (limit {LIMIT_SECONDS} s)")
        for model in ("basket_quote", "basket_promotions", "basket_totals"):
            times = []
            for basket in baskets[:: max(1, count // 21)]:
                started = time.perf_counter()
                connection.execute(f"select * from promotions.{model} where basket_id = ?", [basket.basket_id]).fetchall()
                times.append(1000 * (time.perf_counter() - started))
            print(f"one basket of promotions.{model}: {median(times):.1f} ms in the median (limit {LIMIT_MILLISECONDS} ms)")


if __name__ == "__main__":
    main()
