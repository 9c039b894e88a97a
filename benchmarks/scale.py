"""How time and memory of a full build grow with the shop: simulated shops of 1, 10 and 100 million events.

A user of the simulated shop leaves some 98 events and order lines a year; 10,000 users make a million. Each shop is loaded, built
whole (data tests and publication included, dbt's unit tests not, which grow with nothing) and published, under DuckDB's
memory_limit, on a dbt project of its own whose policies ask for that many candidates a user, and for a fifth as many
subcategories and categories. Resident memory is that of all processes together, spilled bytes those of DuckDB's temporary folder,
both looked at 20 times a second.

python benchmarks/scale.py [--events 1 10 | 1 10 100] [--memory 3GB] [--candidates 50] [--products 100000] [--dearest 10]
                           [--results scale.csv] [--folder DIR]
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
from peak import Peak, bytes_in, resident_bytes

from promo_cli.layout import lay_out

USERS_A_MILLION = 10_000
LIMIT_GIB = 4.0
LARGEST_GROWTH = 1.2
LIMIT_MINUTES_AT_100M = 20


@dataclass(frozen=True)
class Watched:
    """What a command took."""

    seconds: float
    resident_gib: float
    spilled_gib: float


@dataclass(frozen=True)
class Measured:
    """One shop's load and build."""

    events: int
    users: int
    load: Watched
    build: Watched
    dearest: list[tuple[str, float]]
    """Models by seconds, the dearest first."""


def project_with(folder: Path, candidates: int) -> Path:
    """A dbt project of its own whose policies ask for so many products a user, a fifth as many subcategories and categories."""
    project = lay_out(folder)
    policy = project / "seeds" / "policy_values.csv"
    with policy.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    asked = {
        "max_candidates_per_user": candidates,
        "max_subcategories_per_user": candidates // 5,
        "max_categories_per_user": candidates // 5,
    }
    for row in rows:
        row[1] = str(asked.get(row[0], row[1]))
    with policy.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return project


def watched(database: Path, project: Path, memory: str, *arguments: str) -> Watched:
    """What `promo ARGUMENTS` takes on that database, dbt project and memory_limit; raises SystemExit when it fails."""
    settings = {"OFFERHOUSE_PROJECT": str(project), "OFFERHOUSE_MEMORY": memory, "OFFERHOUSE_SPILL": "100GB"}
    command = [sys.executable, "-m", "promo_cli.main", *arguments, "--database", str(database), "-q"]
    began = time.monotonic()
    process = subprocess.Popen(command, env=os.environ | settings, cwd=database.parent, stdout=subprocess.DEVNULL)
    resident = Peak(partial(resident_bytes, process.pid))
    spilled = Peak(partial(bytes_in, Path(f"{database}.tmp")))
    if process.wait():
        raise SystemExit(f"{database.name}: promo {' '.join(arguments)} failed")
    return Watched(time.monotonic() - began, resident.stop() / 1024**3, spilled.stop() / 1024**3)


def events_in(connection: duckdb.DuckDBPyConnection) -> int:
    """Events and order lines of the loaded shop."""
    [(events,)] = connection.execute(
        "select (select count(*) from shop.events) + (select count(*) from shop.order_lines)"
    ).fetchall()
    return int(events)


def measure(millions: int, chosen: argparse.Namespace, project: Path, folder: Path) -> Measured:
    """Load and build a shop of so many million events; raises SystemExit when either fails."""
    users = millions * USERS_A_MILLION
    database = folder / f"shop_{millions}m.duckdb"
    run = partial(watched, database, project, chosen.memory)
    shape = ["--users", str(users), "--days", "365", "--products", str(chosen.products), "--seed", "1"]
    load = run("load", "simulated", *shape)
    build = run("build")
    with duckdb.connect(str(database), read_only=True) as connection:
        events = events_in(connection)
        dearest = connection.execute(
            "select node, seconds from audits.build_nodes where kind = 'model' order by seconds desc limit ?", [chosen.dearest]
        ).fetchall()
    return Measured(events, users, load, build, dearest)


def write_results(path: Path, measured: list[Measured]) -> None:
    """Add a row a load and a build to the file that charts.py reads."""
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        if is_new:
            rows.writerow(["name", "events", "seconds", "peak_mib"])
        for of in measured:
            for name, took in (("load", of.load), ("build and publish", of.build)):
                rows.writerow([name, of.events, round(took.seconds), round(took.resident_gib * 1024)])


def main() -> None:
    """Print a line a shop, the dearest models and what must be kept; leaves with 1 when it isn't."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, nargs="+", default=[1, 10], metavar="MILLIONS")
    parser.add_argument("--memory", default="3GB", help="DuckDB's memory_limit; Python, dbt and the models take more")
    parser.add_argument("--candidates", type=int, default=50, help="products scored for a user")
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--dearest", type=int, default=10, metavar="N", help="models to name")
    parser.add_argument("--results", type=Path, help="add the figures to that CSV file, which benchmarks/charts.py draws")
    parser.add_argument("--folder", type=Path, help="where to work; kept [default: a temporary folder]")
    chosen = parser.parse_args()
    measured: list[Measured] = []
    print(
        f"{chosen.products:,} products; {chosen.candidates} candidates, {chosen.candidates // 5} subcategories and as many "
        f"categories a user; memory_limit {chosen.memory}, 2 threads\n"
    )
    print(
        f"{'events':>12} {'users':>10} {'load s':>8} {'build s':>8} {'s / million':>12} {'resident GiB':>13} {'spilled GiB':>12}"
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        project = project_with(Path(temporary) / "project", chosen.candidates)
        for millions in chosen.events:
            measured.append(measure(millions, chosen, project, folder))
            of = measured[-1]
            print(
                f"{of.events:12,} {of.users:10,} {of.load.seconds:8.0f} {of.build.seconds:8.0f} "
                f"{of.build.seconds / of.events * 1e6:12.1f} {of.build.resident_gib:13.2f} {of.build.spilled_gib:12.2f}",
                flush=True,
            )
            if not chosen.folder:
                shutil.rmtree(folder / "published", ignore_errors=True)
    for of in measured:
        print(f"\nDearest models at {of.events:,} events, seconds:")
        for name, seconds in of.dearest:
            print(f"  {name:45} {seconds:8.1f}")
    if chosen.results:
        write_results(chosen.results, measured)
    limits = [("resident GiB, the largest", max(of.build.resident_gib for of in measured), LIMIT_GIB)]
    by_event = {millions: of.build.seconds / of.events for millions, of in zip(chosen.events, measured, strict=True)}
    if {10, 100} <= by_event.keys():
        limits.append(("time an event, 100 million over 10 million", by_event[100] / by_event[10], LARGEST_GROWTH))
    if 100 in by_event:
        limits.append(("minutes at 100 million", measured[chosen.events.index(100)].build.seconds / 60, LIMIT_MINUTES_AT_100M))
    print()
    for what, reached, limit in limits:
        print(f"{what:50} {reached:8.2f}   <= {limit:<5} {'kept' if reached <= limit else 'BROKEN'}")
    raise SystemExit(0 if all(reached <= limit for _, reached, limit in limits) else 1)


if __name__ == "__main__":
    main()
