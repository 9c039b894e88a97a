"""Time and peak memory of `promo demo` in an empty folder, beside the limits it is meant to keep.

Run: python benchmarks/demo.py
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT_SECONDS = 180
LIMIT_GIB = 4
LEAST_AUDIENCE = 100


def main() -> None:
    """Runs the demo once and prints the table; leaves with 1 when a limit is broken or the demo fails."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "promo_cli.main", "demo", "--quiet"], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        seconds = time.monotonic() - began
        # The largest of the demo's processes, dbt's among them; they run one after the other.
        gib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
        (campaign,) = Path(folder, "exports").glob("*.csv")
        people = sum(1 for _ in campaign.open()) - 1
    rows = [
        ("seconds", f"{seconds:.0f}", f"< {LIMIT_SECONDS}", seconds < LIMIT_SECONDS),
        ("peak memory of a process, GiB", f"{gib:.2f}", f"< {LIMIT_GIB}", gib < LIMIT_GIB),
        ("people in the campaign file", f"{people}", f"> {LEAST_AUDIENCE}", people > LEAST_AUDIENCE),
    ]
    for name, measured, limit, kept in rows:
        print(f"{name:<32} {measured:>8}   {limit:<8} {'kept' if kept else 'BROKEN'}")
    raise SystemExit(0 if all(kept for *_, kept in rows) else 1)


if __name__ == "__main__":
    main()
