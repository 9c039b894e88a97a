"""Time and peak memory of builds against events, drawn from the results of benchmarks.

Results are a CSV with a row a run and the columns `name` (what was run: a line of its own), `events`, `seconds` and `peak_mib`.
Of runs of one name and size the median is drawn and the spread as a bar. Both axes count in powers of ten, where growth in a
straight line has the slope of the dashed one. Needs the extra `train` (matplotlib).

python benchmarks/charts.py results.csv chart.svg [--memory-limit 4096] [--title "…"]
"""

import argparse
import csv
import statistics
from collections import defaultdict
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from models_onnx.drawing import COLOURS, FAINT, STYLE

Runs = dict[str, dict[int, list[float]]]
"""Figures of runs by name and events."""


def read_results(path: Path, figure: str) -> Runs:
    """The column `figure` of the results. Raises SystemExit where there is none."""
    found: Runs = defaultdict(lambda: defaultdict(list))
    with path.open(newline="") as file:
        rows = csv.DictReader(file)
        missing = {"name", "events", figure} - set(rows.fieldnames or [])
        if missing:
            raise SystemExit(f"{path} has no column {', '.join(sorted(missing))}")
        for row in rows:
            found[row["name"]][int(row["events"])].append(float(row[figure]))
    if not found:
        raise SystemExit(f"{path} holds no run")
    return found


def draw_lines(axes: Axes, runs: Runs) -> None:
    """A line a name, and beneath the lowest what grows as the events do."""
    for colour, (name, sizes) in zip(COLOURS * len(runs), runs.items(), strict=False):
        events = sorted(sizes)
        medians = [statistics.median(sizes[size]) for size in events]
        spread = [
            [middle - min(sizes[size]) for size, middle in zip(events, medians, strict=True)],
            [max(sizes[size]) - middle for size, middle in zip(events, medians, strict=True)],
        ]
        axes.errorbar(
            events, medians, yerr=spread, color=colour, marker="o", markersize=4.5, linewidth=1.6, capsize=2.5, label=name
        )
    first = min(size for sizes in runs.values() for size in sizes)
    last = max(size for sizes in runs.values() for size in sizes)
    start = min(statistics.median(sizes[first]) for sizes in runs.values() if first in sizes)
    axes.plot(
        [first, last],
        [start, start * last / first],
        color=FAINT,
        linewidth=1,
        linestyle=(0, (4, 3)),
        label="as the events",
        zorder=1,
    )
    axes.set(xscale="log", yscale="log", xlabel="events")


def main() -> None:
    """Write the chart; SVG or PNG by the name's ending."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("chart", type=Path)
    parser.add_argument("--memory-limit", type=float, metavar="MIB", help="a line in the panel of memory")
    parser.add_argument("--title", default="")
    chosen = parser.parse_args()
    with rc_context(STYLE):
        figure = Figure(figsize=(9.6, 4.2), layout="constrained")
        FigureCanvasAgg(figure)
        time, memory = figure.subplots(1, 2)
        draw_lines(time, read_results(chosen.results, "seconds"))
        draw_lines(memory, read_results(chosen.results, "peak_mib"))
        time.set(ylabel="seconds", title="time")
        memory.set(ylabel="MiB", title="peak resident memory")
        if chosen.memory_limit:
            memory.axhline(chosen.memory_limit, color=COLOURS[3], linewidth=1, label=f"limit, {chosen.memory_limit:,.0f} MiB")
        for axes in (time, memory):
            axes.legend(loc="upper left")
        if chosen.title:
            figure.suptitle(chosen.title)
        told = {"Date": None, "Creator": None} if chosen.chart.suffix == ".svg" else {"Software": None}
        figure.savefig(chosen.chart, dpi=110, metadata=told)


if __name__ == "__main__":
    main()
