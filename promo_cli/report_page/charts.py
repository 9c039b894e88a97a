"""Vega-Lite specifications. Colours are CSS variables, so that one drawing serves both themes and print."""

from collections.abc import Sequence
from typing import Any

from promo_cli.report_page.blocks import Row

SERIES = [f"var(--series-{number})" for number in range(1, 8)]
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', sans-serif"
_INK, _SOFT, _RULE, _PAPER = "var(--ink)", "var(--ink-soft)", "var(--rule)", "var(--paper)"
LABEL_LIMIT = 330
"""Pixels of a label beside an axis; look.js takes less where a chart is narrow."""
HEAT_OPACITY = 0.5
"""Of the fullest cell of a heat map: the text on it has to be read."""

_CONFIG: Row = {
    "aria": False,
    "background": "transparent",
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": _SOFT,
        "titleColor": _SOFT,
        "gridColor": _RULE,
        "domainColor": _RULE,
        "tickColor": _RULE,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "labelLimit": LABEL_LIMIT,
        "labelPadding": 6,
    },
    "legend": {
        "orient": "top",
        "direction": "horizontal",
        "title": None,
        "labelColor": _SOFT,
        "labelFontSize": 12,
        "labelLimit": 260,
        "symbolType": "square",
        "symbolStrokeWidth": 0,
        "columnPadding": 14,
        "offset": 6,
    },
    "text": {"fill": _INK, "fontSize": 12},
    "rule": {"stroke": _SOFT},
}


def _chart(description: str, rows: Sequence[Row], height: Any, **more: Any) -> Row:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "description": description,
        "width": "container",
        "height": height,
        "data": {"values": [{name: _short(value) for name, value in row.items()} for row in rows]},
        "config": _CONFIG,
        **more,
    }


def _short(value: Any) -> Any:
    """Six digits of a number with decimals: more can't be seen, and the last ones of a sum differ from run to run."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def bars(description: str, rows: Sequence[Row], x_title: str, *, step: int = 26) -> Row:
    """Horizontal bars with their amounts; rows have y (label), x (length), told (its text) and, optionally, is_marked.

    Bars below zero and marked ones have a colour of their own.
    """
    lowest, highest = min((row["x"] for row in rows), default=0), max((row["x"] for row in rows), default=0)
    room = 0.26 * (max(highest, 0) - min(lowest, 0)) or 1
    domain = [lowest - 1.3 * room if lowest < 0 else 0, highest + room if highest > 0 else 0]
    marked = any(row.get("is_marked") for row in rows)
    colour: Row = {
        "condition": {"test": "datum.x < 0", "value": "var(--bad)"},
        "value": SERIES[0],
    }
    if marked:
        colour = {"condition": {"test": "datum.is_marked", "value": SERIES[0]}, "value": SERIES[6]}
    shared: Row = {
        "y": {"field": "y", "type": "nominal", "sort": None, "axis": {"title": None, "ticks": False, "domain": False}},
        "x": {
            "field": "x",
            "type": "quantitative",
            "scale": {"domain": domain, "nice": False},
            "axis": {"title": x_title, "format": ",.0f", "tickCount": 5, "tickMinStep": 1, "domain": False, "ticks": False},
        },
        "tooltip": [{"field": "y", "title": " "}, {"field": "told", "title": x_title}],
    }

    def amounts(test: str, align: str, gap: int) -> Row:
        return {
            "transform": [{"filter": test}],
            "mark": {"type": "text", "align": align, "dx": gap, "baseline": "middle"},
            "encoding": {"text": {"field": "told"}},
        }

    return _chart(
        description,
        rows,
        {"step": step},
        encoding=shared,
        layer=[
            {"mark": {"type": "bar", "height": {"band": 0.66}}, "encoding": {"fill": colour}},
            amounts("datum.x >= 0", "left", 5),
            amounts("datum.x < 0", "right", -5),
        ],
    )


def stacked_bars(
    description: str,
    rows: Sequence[Row],
    totals: Sequence[Row],
    x_title: str,
    parts: Sequence[str],
    *,
    colours: Sequence[str] = SERIES,
    step: int = 26,
) -> Row:
    """Horizontal bars of parts; rows have y, part (one of `parts`), x, told, order. The totals (y, x, told) say the order."""
    most = max((total["x"] for total in totals), default=0) or 1
    y = {"field": "y", "type": "nominal", "sort": None, "axis": {"title": None, "ticks": False, "domain": False}}
    x = {
        "field": "x",
        "type": "quantitative",
        "scale": {"domain": [0, 1.2 * most], "nice": False},
        "axis": {"title": x_title, "format": ",.0f", "tickCount": 5, "tickMinStep": 1, "domain": False, "ticks": False},
    }
    return _chart(
        description,
        rows,
        {"step": step},
        layer=[
            {
                "data": {"values": list(totals)},
                "mark": {"type": "text", "align": "left", "dx": 5, "baseline": "middle"},
                "encoding": {"y": y, "x": x, "text": {"field": "told"}},
            },
            {
                "mark": {"type": "bar", "height": {"band": 0.66}, "stroke": _PAPER, "strokeWidth": 1},
                "encoding": {
                    "y": y,
                    "x": x,
                    "fill": {
                        "field": "part",
                        "type": "nominal",
                        "scale": {"domain": list(parts), "range": list(colours[: len(parts)])},
                    },
                    "order": {"field": "order", "type": "quantitative"},
                    "tooltip": [
                        {"field": "y", "title": " "},
                        {"field": "part", "title": "  "},
                        {"field": "told", "title": x_title},
                    ],
                },
            },
        ],
    )


def columns(description: str, rows: Sequence[Row], x_title: str, y_title: str, parts: Sequence[str]) -> Row:
    """Upright bars of parts over shares; rows have x (share), part, y, told_x and told."""
    return _chart(
        description,
        rows,
        240,
        mark={"type": "bar", "stroke": _PAPER, "strokeWidth": 1},
        encoding={
            "x": {
                "field": "told_x",
                "type": "ordinal",
                "sort": {"field": "x", "op": "min", "order": "descending"},
                "axis": {"title": x_title, "labelAngle": 0, "ticks": False, "labelOverlap": True},
            },
            "y": {
                "field": "y",
                "type": "quantitative",
                "axis": {"title": y_title, "format": ",.0f", "tickCount": 5, "tickMinStep": 1, "domain": False, "ticks": False},
            },
            "fill": {
                "field": "part",
                "type": "nominal",
                "scale": {"domain": list(parts), "range": SERIES[: len(parts)]},
                "legend": {"columns": 3},
            },
            "order": {"field": "order", "type": "quantitative"},
            "tooltip": [
                {"field": "told_x", "title": x_title},
                {"field": "part", "title": " "},
                {"field": "told", "title": y_title},
            ],
        },
    )


def heat(description: str, rows: Sequence[Row], across: Sequence[str], *, step: int = 30) -> Row:
    """Cells that are darker the larger their share; rows have y, x (one of `across`), share (0..1) and told."""
    axis = {"title": None, "ticks": False, "domain": False}
    return _chart(
        description,
        rows,
        {"step": step},
        padding={"left": 5, "top": 5, "bottom": 5, "right": 90},  # the last of the slanting labels
        encoding={
            "y": {"field": "y", "type": "nominal", "sort": None, "axis": {**axis, "labelLimit": 240}},
            "x": {
                "field": "x",
                "type": "nominal",
                "sort": None,
                "scale": {"domain": list(across)},
                "axis": {**axis, "orient": "top", "labelAngle": -50, "labelAlign": "left", "labelLimit": 170},
            },
            "tooltip": [{"field": "y", "title": " "}, {"field": "x", "title": "  "}, {"field": "told", "title": "   "}],
        },
        layer=[
            {
                "mark": {"type": "rect", "fill": SERIES[0], "stroke": _PAPER, "strokeWidth": 2},
                "encoding": {
                    "fillOpacity": {
                        "field": "share",
                        "type": "quantitative",
                        "scale": {"domain": [0, 1], "range": [0.04, HEAT_OPACITY]},
                        "legend": None,
                    }
                },
            },
            {"mark": {"type": "text"}, "encoding": {"text": {"field": "told"}}},
        ],
    )


def lines(
    description: str,
    rows: Sequence[Row],
    x_title: str,
    y_title: str,
    series: Sequence[str],
    *,
    is_share: bool,
    with_diagonal: bool = False,
) -> Row:
    """Lines over x; rows have x, y, series. The first series is drawn heavier, the others dashed, so that colour isn't needed."""
    values = ".1%" if is_share else ",.3~f"
    scale: Row = {"domain": [0, 1]} if is_share else {"zero": False}
    dashes = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [1, 3], [4, 4]]
    told = {"domain": list(series), "range": SERIES[: len(series)]}
    layer: list[Row] = [
        {
            "mark": {"type": "line", "interpolate": "linear", "strokeWidth": 2},
            "encoding": {
                "stroke": {
                    "field": "series",
                    "type": "nominal",
                    "scale": told,
                    "legend": {"symbolType": "stroke", "symbolStrokeWidth": 2, "symbolSize": 260, "columns": 1},
                },
                "strokeDash": {
                    "field": "series",
                    "type": "nominal",
                    "scale": {"domain": list(series), "range": [dashes[place % len(dashes)] for place in range(len(series))]},
                },
                "tooltip": [
                    {"field": "series", "title": " "},
                    {"field": "x", "title": x_title, "format": values},
                    {"field": "y", "title": y_title, "format": values},
                ],
            },
        }
    ]
    if with_diagonal:
        layer.insert(0, _diagonal())
    return _chart(description, rows, 210, encoding=_plane(x_title, y_title, scale, is_share), layer=layer)


def reliability(description: str, rows: Sequence[Row], x_title: str, y_title: str) -> Row:
    """Points with intervals about the diagonal of perfect calibration; rows have x, y, low, high, told."""
    most = min(1.0, 1.08 * max(max(row["x"], row["high"]) for row in rows))
    return _chart(
        description,
        rows,
        210,
        encoding=_plane(x_title, y_title, {"domain": [0, most], "nice": False}, True),
        layer=[
            _diagonal(most),
            {
                "mark": {"type": "rule", "stroke": SERIES[0], "strokeWidth": 1.5},
                "encoding": {"y": {"field": "low"}, "y2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "fill": SERIES[0], "size": 46, "opacity": 1},
                "encoding": {
                    "tooltip": [
                        {"field": "x", "title": x_title, "format": ".1%"},
                        {"field": "y", "title": y_title, "format": ".1%"},
                        {"field": "told", "title": " "},
                    ]
                },
            },
        ],
    )


def intervals(
    description: str,
    rows: Sequence[Row],
    x_title: str,
    parts: Sequence[str],
    *,
    band: tuple[float, float] | None,
    neutral: float,
) -> Row:
    """Values with their intervals; rows have y, x, low, high, told and part (one of `parts`). The band is what is allowed."""
    low = min([neutral, *(row["low"] for row in rows)])
    high = max([neutral, *(row["high"] for row in rows)])
    layer: list[Row] = []
    if band is not None:
        layer.append(
            {
                "data": {"values": [{"from": max(band[0], low), "to": min(band[1], high)}]},
                "mark": {"type": "rect", "fill": SERIES[6], "fillOpacity": 0.16},
                "encoding": {"x": {"field": "from", "type": "quantitative"}, "x2": {"field": "to"}},
            }
        )
    y = {"field": "y", "type": "nominal", "sort": None, "axis": {"title": None, "ticks": False, "domain": False}}
    x = {
        "field": "x",
        "type": "quantitative",
        "scale": {"zero": False, "domain": [low, high], "nice": True},
        "axis": {"title": x_title, "format": ",.2~f", "tickCount": 6},
    }
    colours = {"domain": list(parts), "range": ["var(--bad)", SERIES[0], SERIES[6]][: len(parts)]}
    tooltip = [{"field": "y", "title": " "}, {"field": "part", "title": "  "}, {"field": "told", "title": x_title}]
    layer += [
        {
            "data": {"values": [{"at": neutral}]},
            "mark": {"type": "rule", "strokeDash": [3, 3]},
            "encoding": {"x": {"field": "at", "type": "quantitative"}},
        },
        {
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {
                "y": y,
                "x": {**x, "field": "low"},
                "x2": {"field": "high"},
                "stroke": {"field": "part", "type": "nominal", "scale": colours},
            },
        },
        {
            "mark": {"type": "point", "filled": True, "size": 64, "opacity": 1},
            "encoding": {
                "y": y,
                "x": x,
                "fill": {"field": "part", "type": "nominal", "scale": colours},
                "shape": {
                    "field": "part",
                    "type": "nominal",
                    "scale": {"domain": list(parts), "range": ["diamond", "circle", "square"][: len(parts)]},
                },
                "tooltip": tooltip,
            },
        },
    ]
    return _chart(description, rows, {"step": 24}, layer=layer)


def threshold_bars(description: str, rows: Sequence[Row], x_title: str, threshold: float) -> Row:
    """Bars on a root scale with a line at the threshold; rows have y, x, told and is_marked (beyond it)."""
    return _chart(
        description,
        rows,
        {"step": 20},
        layer=[
            {
                "mark": {"type": "bar", "height": {"band": 0.66}},
                "encoding": {
                    "y": {
                        "field": "y",
                        "type": "nominal",
                        "sort": None,
                        "axis": {"title": None, "ticks": False, "domain": False},
                    },
                    "x": {
                        "field": "x",
                        "type": "quantitative",
                        "scale": {"type": "sqrt"},
                        "axis": {"title": x_title, "format": ",.2~f", "tickCount": 6, "domain": False},
                    },
                    "fill": {"condition": {"test": "datum.is_marked", "value": SERIES[1]}, "value": SERIES[6]},
                    "tooltip": [{"field": "y", "title": " "}, {"field": "told", "title": x_title}],
                },
            },
            {
                "data": {"values": [{"at": threshold}]},
                "mark": {"type": "rule", "strokeDash": [4, 3], "strokeWidth": 1.5, "stroke": _INK},
                "encoding": {"x": {"field": "at", "type": "quantitative"}},
            },
        ],
    )


def _plane(x_title: str, y_title: str, scale: Row, is_share: bool) -> Row:
    form = ".0%" if is_share else ",.3~f"
    return {
        "x": {
            "field": "x",
            "type": "quantitative",
            "scale": scale,
            "axis": {"title": x_title, "format": form, "tickCount": 4, "grid": True},
        },
        "y": {
            "field": "y",
            "type": "quantitative",
            "scale": scale,
            "axis": {"title": y_title, "format": form, "tickCount": 4, "grid": True},
        },
    }


def _diagonal(most: float = 1) -> Row:
    return {
        "data": {"values": [{"x": 0, "y": 0}, {"x": most, "y": most}]},
        "mark": {"type": "line", "stroke": "var(--ink-soft)", "strokeDash": [3, 3], "strokeWidth": 1},
    }
