"""Draws the curves of a model's card: reliability, cumulative gains, loss and accuracy by epoch; as SVG and as PNG.

The same card gives the same bytes: no time of drawing, no random ids, the typeface that comes with matplotlib. It needs the
extra `train`. The curves' points are those of `models_onnx/curves.py`.
"""

import io
from collections.abc import Callable, Mapping
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from udfs.model_records import curve_points

Point = dict[str, Any]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")
"""Told apart by colour-blind people too (Okabe and Ito, 2008)."""
INK, FAINT = "#333333", "#9a9a9a"
MOST_DRAWN = 120
"""Points of a line: thinned beyond, for a line of 600 trees looks no better than one of 120 and is five times as long."""
_WINDOWS = {"test": 0, "validation": 1}
"""The model's own lines come first, baselines after them."""
_SIZE = (5.4, 5.6)
_WIDE = (9.6, 4.2)
_DPI = 110
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "offerhouse",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "path.simplify": True,
}


def draw(card: Mapping[str, Any]) -> dict[str, bytes]:
    """{"reliability.svg": ..., "reliability.png": ..., "gains.svg": ..., "epochs.svg": ...}: what the card has curves for.

    Empty for a card without curves. ValueError for a point that is none (see `udfs.model_records.curve_points`).
    """
    files: dict[str, bytes] = {}
    for curve, drawing in _DRAWINGS.items():
        lines: dict[str, list[Point]] = {}
        for point in curve_points(card):
            if point["curve"] == curve and point["y"] is not None:
                lines.setdefault(point["series"], []).append(point)
        if lines:
            with rc_context(STYLE):
                figure = Figure()
                FigureCanvasAgg(figure)
                drawing(figure, card, dict(sorted(lines.items(), key=lambda line: _WINDOWS.get(line[0], len(_WINDOWS)))))
                files[f"{curve}.svg"] = _saved(figure, "svg", {"Date": None, "Creator": None})
                files[f"{curve}.png"] = _saved(figure, "png", {"Software": None})
    return files


def _saved(figure: Figure, kind: str, metadata: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=_DPI, metadata=metadata)
    return buffer.getvalue()


def _draw_reliability(figure: Figure, card: Mapping[str, Any], lines: dict[str, list[Point]]) -> None:
    figure.set_size_inches(*_SIZE)
    axes = figure.add_subplot()
    points = [point for line in lines.values() for point in line]
    # A rare event has all its points in a corner: the axes end where the points do.
    end = min(1.0, 1.08 * max(max(point["x"], point.get("upper") or point["y"]) for point in points)) or 1.0
    axes.plot([0, end], [0, end], color=FAINT, linewidth=1, linestyle=(0, (4, 3)), label="calibrated: rate = score")
    for colour, (series, line) in zip(COLOURS * len(lines), lines.items(), strict=False):
        x, y = [point["x"] for point in line], [point["y"] for point in line]
        spread = [[p["y"] - _or(p.get("lower"), p["y"]) for p in line], [_or(p.get("upper"), p["y"]) - p["y"] for p in line]]
        axes.errorbar(
            x, y, yerr=[[max(0.0, length) for length in side] for side in spread], color=colour, marker="o", markersize=4.5,
            linewidth=1.6, elinewidth=1, capsize=2.5, label=f"{series}: {_rows(line):,} rows in {len(line)} groups",
        )  # fmt: skip
    _heading(figure, card, "reliability")
    axes.set(xlim=(0, end), ylim=(0, end), xlabel="mean score of the group (probability)", ylabel="observed rate (share of rows)")
    axes.set_aspect("equal")
    axes.legend(loc="upper left", title="bars: 95 % interval of the rate", title_fontsize=8, alignment="left")


def _draw_gains(figure: Figure, card: Mapping[str, Any], lines: dict[str, list[Point]]) -> None:
    figure.set_size_inches(*_SIZE)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (4, 3)), label="random order")
    for place, (series, line) in enumerate(lines.items()):
        top = next((point["y"] for point in line if abs(point["x"] - 0.1) < 1e-9), None)
        told = "" if top is None else f", {100 * top:.0f} % in the first 10 %"
        axes.plot(
            [point["x"] for point in line], [point["y"] for point in line], color=COLOURS[place % len(COLOURS)],
            linewidth=2 if place == 0 else 1.2, label=f"{series}{told}", zorder=3 if place == 0 else 2,
            linestyle="--" if series == "validation" else "-",
        )  # fmt: skip
    rows = max(_or(point["rows"], 0) for line in lines.values() for point in line)
    _heading(figure, card, f"cumulative gains, {rows:,} rows")
    axes.set(xlim=(0, 1), ylim=(0, 1.01))
    axes.set(xlabel="share of rows, highest scores first (%)", ylabel="share of all positives found (%)")
    _in_percent(axes)
    axes.set_aspect("equal")
    axes.legend(loc="lower right")


def _draw_epochs(figure: Figure, card: Mapping[str, Any], lines: dict[str, list[Point]]) -> None:
    panels = [(what, {name: line for name, line in lines.items() if name.endswith(what)}) for what in ("loss", "accuracy")]
    panels = [(what, found) for what, found in panels if found]
    panels = panels or [("value", lines)]
    figure.set_size_inches(_WIDE[0] if len(panels) > 1 else _SIZE[0], _WIDE[1])
    checked = lines.get("validation_loss")
    best = min(checked, key=lambda point: point["y"])["x"] if checked else None
    for place, (what, found) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), place + 1)
        for colour, (name, line) in zip(COLOURS * len(found), sorted(found.items()), strict=False):
            kept = _thinned(line)
            axes.plot(
                [point["x"] for point in kept], [point["y"] for point in kept], color=colour, linewidth=1.6,
                marker="o" if len(kept) <= 30 else None, markersize=3.5, label=name.removesuffix(what).strip("_") or name,
            )  # fmt: skip
        if best is not None:
            axes.axvline(best, color=FAINT, linewidth=1, linestyle=(0, (4, 3)), label=f"least validation loss: {best:.0f}")
        axes.set(xlabel="epoch (boosting: trees)", ylabel=_UNITS.get(what, what))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        axes.margins(x=0.02)
        axes.legend(loc="best")
    _heading(figure, card, "loss and accuracy by epoch", "; ".join(_split_rows(card)))


_UNITS = {"loss": "log-loss (nats a row)", "accuracy": "accuracy (share of rows right at .5)"}
_DRAWINGS: dict[str, Callable[[Figure, Mapping[str, Any], dict[str, list[Point]]], None]] = {
    "reliability": _draw_reliability,
    "gains": _draw_gains,
    "epochs": _draw_epochs,
}


def _heading(figure: Figure, card: Mapping[str, Any], what: str, note: str = "") -> None:
    """Model and curve in bold; below, what is predicted. The figure has its size already; what is drawn stays below."""
    below = " · ".join(part for part in (str(card.get("task", "")), note) if part)
    width, height = figure.get_size_inches()
    most = int(width * 16.5)
    figure.text(0.02, 1 - 0.1 / height, f"{card.get('model', 'model')}: {what}", fontsize=11, fontweight="bold", va="top")
    below = below if len(below) <= most else below[: most - 1].rstrip() + "…"
    figure.text(0.02, 1 - 0.32 / height, below, fontsize=8, color="#666666", va="top")
    figure.set_layout_engine("constrained", rect=(0.01, 0.01, 0.97, 0.99 - 0.55 / height), wspace=0.06)


def _split_rows(card: Mapping[str, Any]) -> list[str]:
    split = card.get("split") or {}
    return [f"{name} {split[name]['rows']:,} rows" for name in ("train", "validation") if (split.get(name) or {}).get("rows")]


def _rows(line: list[Point]) -> int:
    return sum(_or(point["rows"], 0) for point in line)


def _or(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value


def _in_percent(axes: Axes) -> None:
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(xmax=1, symbol=""))


def _thinned(line: list[Point]) -> list[Point]:
    step = -(-len(line) // MOST_DRAWN)
    return line if step <= 1 else [*line[:-1:step], line[-1]]
