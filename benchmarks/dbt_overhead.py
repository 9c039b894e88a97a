"""dbt's own share of the demo's build: the time in which no query of it runs.

Complete Journey is loaded and built whole, with its tests and the publication. Queries run side by side; the time in which at
least one of them runs is DuckDB's (and the scorers'), the rest is dbt's: start, parse, compile, record. Read off dbt's own log,
which costs a fifth of the time when it is as full as this takes.

python benchmarks/dbt_overhead.py [--dearest 3]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

LARGEST_SHARE = 0.35


def query_intervals(folder: Path) -> list[tuple[datetime, datetime]]:
    """Start and end of every query, from the logs of one build."""
    intervals = []
    for path in folder.glob("dbt.log*"):
        for line in path.read_text().splitlines():
            if '"SQLQueryStatus"' not in line:
                continue
            event = json.loads(line)
            ended = datetime.fromisoformat(event["info"]["ts"])
            intervals.append((ended - timedelta(seconds=event["data"]["elapsed"]), ended))
    return sorted(intervals)


def covered_seconds(intervals: list[tuple[datetime, datetime]]) -> float:
    """Seconds in which at least one of the intervals runs."""
    covered, until = timedelta(), datetime.min.replace(tzinfo=intervals[0][0].tzinfo)
    for began, ended in intervals:
        if ended > until:
            covered += ended - max(began, until)
            until = ended
    return covered.total_seconds()


def main() -> None:
    """Print the shares and the dearest models; leaves with 1 when dbt's share is too large."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dearest", type=int, default=10, metavar="N", help="models to name")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        promo = [sys.executable, "-m", "promo_cli.main"]
        database = ["--database", str(Path(folder) / "demo.duckdb"), "-q"]
        subprocess.run([*promo, "load", "complete-journey", *database], check=True, stdout=subprocess.DEVNULL)
        began = time.monotonic()
        subprocess.run(
            [*promo, "build", *database], check=True, stdout=subprocess.DEVNULL, env=os.environ | {"DBT_LOG_LEVEL_FILE": "debug"}
        )
        seconds = time.monotonic() - began
        artefacts = Path(folder) / "dbt" / "warehouse"
        in_queries = covered_seconds(query_intervals(artefacts))
        results = json.loads((artefacts / "run_results.json").read_text())["results"]
    models = {result["unique_id"]: result["execution_time"] for result in results if result["unique_id"].startswith("model.")}
    share = 1 - in_queries / seconds
    print(
        f"{len(results)} nodes in {seconds:.1f} s: {in_queries:.1f} s with a query at work, {seconds - in_queries:.1f} s without"
    )
    print(f"dbt's share {share:.0%}   <= {LARGEST_SHARE:.0%} {'kept' if share <= LARGEST_SHARE else 'BROKEN'}")
    for name, took in sorted(models.items(), key=lambda item: -item[1])[: chosen.dearest]:
        print(f"  {took:6.2f} s  {name.removeprefix('model.offerhouse.')}")
    raise SystemExit(0 if share <= LARGEST_SHARE else 1)


if __name__ == "__main__":
    main()
