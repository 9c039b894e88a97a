"""Three foreign shops from raw files to offers by the guide's own commands, each timed, beside what was aimed at.

Run: python benchmarks/bring_your_own.py [--keep FOLDER]

The shops are those of tests/foreign_shops.py: a Shopify-like export, an Olist-like set of tables, an event log with other names.
Every step is the command of docs/how-to/bring-your-shop.md, run as a newcomer would, nothing edited in between. What a person
needs for reading and judging the proposals isn't in the figures.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from foreign_shops import WRITERS

from promo_cli.tables import columns

AIM_SECONDS = 15 * 60
COMMANDS = (
    ("init", ["init", ".", "--files", "../export", "--yes"]),
    ("load", ["load", "mapped", "--quiet"]),
    ("build", ["build", "--quiet"]),
    ("doctor", ["doctor", "--quiet"]),
)


def bring(name: str, folder: Path) -> list[str]:
    """One shop the whole way; its line of the table. Raises SystemExit when a command fails."""
    WRITERS[name](folder / "export")
    project = folder / "project"
    project.mkdir(parents=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OFFERHOUSE_")}
    seconds = []
    for step, arguments in COMMANDS:
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "promo_cli.main", *arguments],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{name}: promo {' '.join(arguments)}: exit code {done.returncode}: {done.stderr.strip()}")
        seconds.append((step, time.perf_counter() - began))
    with duckdb.connect(str(project / "warehouse" / "published" / "offerhouse.duckdb"), read_only=True) as connection:
        rows, rejected, left_out, offers = connection.execute(
            "select sum(rows_in), sum(rows_rejected), sum(rows_left_out), (select count(*) from promotions.offers) "
            "from audits.row_accounting"
        ).fetchall()[0]
    total = sum(taken for _, taken in seconds)
    figures = [f"{rows:,}", f"{rejected:,}", f"{left_out:,}", f"{offers:,}"]
    return [name, *(f"{taken:.1f}" for _, taken in seconds), f"{total:.1f}", f"{total / AIM_SECONDS:.0%}", *figures]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="Keep files and projects here.")
    keep = parser.parse_args().keep
    steps = [f"{step} s" for step, _ in COMMANDS]
    headings = ["shop", *steps, "all s", f"of {AIM_SECONDS // 60} min", "rows in", "rejected", "left out", "offers"]
    with tempfile.TemporaryDirectory() as passing:
        lines = [bring(name, (keep or Path(passing)) / name) for name in WRITERS]
    print(columns(headings, lines))


if __name__ == "__main__":
    main()
