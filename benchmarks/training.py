"""What `promo train` takes on a large shop: a simulated one, whose users a training set holds a share of (DECISIONS D97).

Resident memory is that of all processes together. Before there were shares, candidates alone were built for every user on every
as-of date: 300 of them, over eight dates, for 100,000 users are 240 million rows of 184 bytes.

python benchmarks/training.py [MODEL …] [--users 100000] [--memory 3GB] [--folder DIR]      (default: interest churn_risk)
"""

import argparse
import tempfile
from functools import partial
from pathlib import Path

import duckdb
from scale import events_in, project_with, watched

LIMIT_GIB = 12.0
"""Half of the machine that everything here is measured on."""


def main() -> None:
    """Print the table; leaves with 1 when memory goes beyond the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["interest", "churn_risk"], metavar="MODEL")
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--memory", default="3GB", help="DuckDB's memory_limit; what models learn from comes on top of it")
    parser.add_argument("--folder", type=Path, help="where to work; kept [default: a temporary folder]")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (chosen.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        database = folder / "training.shop.duckdb"
        run = partial(watched, database, project_with(Path(temporary) / "project", 300), chosen.memory)
        run("load", "simulated", "--users", str(chosen.users), "--days", "365", "--products", "10000", "--seed", "1")
        with duckdb.connect(str(database), read_only=True) as connection:
            events = events_in(connection)
        took = run("train", *chosen.models, "--models-folder", str(folder / "models"))
    print(f"{chosen.users:,} users, {events:,} events and order lines; {' '.join(chosen.models)}\n")
    print(f"promo train {took.seconds:8.0f} s {took.resident_gib:8.1f} GiB resident {took.spilled_gib:8.1f} GiB spilled")
    is_kept = took.resident_gib <= LIMIT_GIB
    print(f"\nresident GiB {took.resident_gib:8.1f}   <= {LIMIT_GIB}   {'kept' if is_kept else 'BROKEN'}")
    raise SystemExit(0 if is_kept else 1)


if __name__ == "__main__":
    main()
