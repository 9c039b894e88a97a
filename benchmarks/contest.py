"""Contenders for one job, run in turn, each run in a process of its own: medians, and ratios pair by pair.

A benchmark's script calls `arguments` and `contest`. In the child, which is the same script with a contender's name, `arguments`
runs that contender and ends the process: it prints the seconds of the work alone (what is loaded and warmed up before it is not
counted) and leaves its scores in a file, which are held against the first contender's.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Scored = tuple[float, NDArray[np.float32]]
"""Seconds of the work, and the scores in the order of the rows."""
Contender = Callable[[Path], Scored]
"""Works on what lies in a folder."""

LARGEST_DIFFERENCE = 1e-6
"""Between two contenders' scores of one row."""


@dataclass(frozen=True)
class Run:
    """One run of a contender."""

    seconds: float
    peak_mib: float
    rows: int
    """Rows it scored: a slow contender may take part of them."""

    @property
    def rows_per_second(self) -> float:
        """Its speed."""
        return self.rows / self.seconds


def contest(script: str, contenders: Sequence[str], repeats: int, inputs: Path) -> dict[str, list[Run]]:
    """Run every contender `repeats` times on what lies in the folder `inputs`, in turn.

    Raises SystemExit when one fails or scores otherwise than the first.
    """
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(repeats):
            for name in contenders:
                scores = Path(folder) / f"{name}.npy"
                command = [sys.executable, script, "--contender", name, "--scores", str(scores), "--folder", str(inputs)]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
                if done.returncode:
                    raise SystemExit(f"{name} failed")
                runs[name].append(Run(**json.loads(done.stdout)))
                _compare(Path(folder) / f"{contenders[0]}.npy", scores)
    return runs


def arguments(description: str | None, rows: int, contenders: Mapping[str, Contender]) -> argparse.Namespace:
    """`rows` (that many unless told) and `repeats` from the command line; in a child: run the contender and leave."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=rows)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--contender", choices=contenders, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--scores", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.contender:
        _take_part(lambda: contenders[chosen.contender](chosen.folder), chosen.scores)
        raise SystemExit
    return chosen


def ratio(runs: dict[str, list[Run]], name: str, other: str) -> float:
    """How many times as fast `name` is as `other`: the median of the ratios of runs that stood beside each other."""
    pairs = zip(runs[name], runs[other], strict=True)
    return statistics.median(one.rows_per_second / beside.rows_per_second for one, beside in pairs)


def peak(runs: dict[str, list[Run]], name: str) -> float:
    """The median of the peak memory of its process, MiB."""
    return statistics.median(run.peak_mib for run in runs[name])


def print_table(runs: dict[str, list[Run]]) -> None:
    """A line a contender: thousand rows a second (least, median, most), peak memory, and the speed beside the first."""
    first = next(iter(runs))
    print(f"{'':44} {'k rows/s':>9} {'least':>8} {'most':>8} {'peak MiB':>9} {'speed':>7}")
    for name, of in runs.items():
        speeds = sorted(run.rows_per_second / 1000 for run in of)
        print(
            f"{name:44} {statistics.median(speeds):9.1f} {speeds[0]:8.1f} {speeds[-1]:8.1f} {peak(runs, name):9.0f} "
            f"{ratio(runs, name, first):7.2f}"
        )


def print_bars(bars: Sequence[tuple[str, float, float]]) -> None:
    """What must be reached: (what, reached, at least); leaves with 1 when one isn't."""
    for what, reached, least in bars:
        print(f"{what:60} {reached:6.2f}   >= {least:<5} {'kept' if reached >= least else 'BROKEN'}")
    if any(reached < least for _, reached, least in bars):
        raise SystemExit(1)


def _take_part(contender: Callable[[], Scored], scores: Path) -> None:
    """Run the contender, print its seconds and peak memory, and leave its scores, in the order of the rows."""
    seconds, scored = contender()
    # of this process since it began (Linux): what the operating system says at its end counts the parent's in
    peak_kib = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    np.save(scores, scored)
    print(json.dumps({"seconds": seconds, "peak_mib": int(peak_kib) / 1024, "rows": len(scored)}))


def _compare(first: Path, other: Path) -> None:
    scores = np.load(other)
    difference = np.abs(np.load(first)[: len(scores)] - scores).max()
    if not difference <= LARGEST_DIFFERENCE:
        raise SystemExit(f"{other.stem} and {first.stem} differ by {difference}")
