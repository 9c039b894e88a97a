"""Curves of a model's card from (labels, scores): reliability, cumulative gains, lift; points ready for SQL and for drawing.

A point is a dict of plain numbers: `series` names the line it belongs to, `x` and `y` are its place, `rows` how many rows
stand behind it. Labels [N] of 0 and 1; ValueError where labels and scores differ in length, are empty or hold nothing usable.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

RELIABILITY_BINS = 10
GAIN_STEPS = 20
LIFT_SHARE = 0.1

Points = list[dict[str, Any]]
Curves = dict[str, Points]


def card_curves(
    labels: ArrayLike, scores: ArrayLike, series: str = "test", baselines: Mapping[str, ArrayLike] | None = None
) -> Curves:
    """What stands in a card's `curves`: {"reliability": [...], "gains": [...]} of one window.

    `scores` [N] are probabilities; `baselines` {name: [N]} may be any order, so they get gains alone, each a series of its
    name. Curves of several windows are put together by `merged`.
    """
    gains = cumulative_gains(labels, scores, series)
    for name, values in (baselines or {}).items():
        gains += cumulative_gains(labels, values, name)
    return {"reliability": reliability(labels, scores, series), "gains": gains}


def merged(curves: Iterable[Mapping[str, Points]]) -> Curves:
    """Several dicts of curves as one: points of the same curve stand after each other."""
    together: Curves = {}
    for each in curves:
        for name, points in each.items():
            together.setdefault(name, []).extend(points)
    return together


def reliability(labels: ArrayLike, scores: ArrayLike, series: str = "test", bins: int = RELIABILITY_BINS) -> Points:
    """Mean score (x) against observed rate (y) in up to `bins` groups of about equally many rows, in rising order of score.

    Equal scores stay together, so a coarse score gives fewer points. Each point also has `lower` and `upper`, the 95 %
    interval of its rate (Wilson, 1927). Scores lie within 0..1. Source of the diagram: Niculescu-Mizil and Caruana, 2005.
    """
    y, p = _checked(labels, scores)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("scores must lie within 0..1")
    order = np.argsort(p, kind="stable")
    y, p = y[order], p[order]
    last_of_step = np.append(np.flatnonzero(np.diff(p) > 0), len(p) - 1)
    wanted = np.ceil(np.arange(1, bins + 1) * len(p) / bins).astype(np.int64) - 1
    ends = np.unique(last_of_step[np.searchsorted(last_of_step, wanted)]) + 1
    points = []
    for start, end in zip(np.concatenate(([0], ends[:-1])), ends, strict=True):
        rate, rows = float(y[start:end].mean()), int(end - start)
        lower, upper = _wilson(rate, rows)
        points.append(
            {"series": series, "x": float(p[start:end].mean()), "y": rate, "rows": rows, "lower": lower, "upper": upper}
        )
    return points


def cumulative_gains(labels: ArrayLike, scores: ArrayLike, series: str = "test", steps: int = GAIN_STEPS) -> Points:
    """Share of all positives (y) among the share of rows with the highest scores (x), at 0, 1/steps, ... 1.

    Rows of equal score count as shuffled: the line is straight across them, whatever order they came in. `rows` are the
    rows within x, rounded. Scores may be any finite numbers. ValueError when no label is positive.
    """
    y, p = _checked(labels, scores)
    found = _found(y, p, np.arange(steps + 1) / steps * len(y))
    return [
        {"series": series, "x": step / steps, "y": float(share), "rows": round(step * len(y) / steps)}
        for step, share in enumerate(found)
    ]


def lift(labels: ArrayLike, scores: ArrayLike, share: float = LIFT_SHARE) -> float:
    """Rate of positives among the `share` of rows with the highest scores, as a multiple of the rate among all.

    1 is no better than chance; 1 / share, or 1 / base rate where that is less, is the most there can be. Ties as in
    `cumulative_gains`. ValueError when share is not within (0, 1] or no label is positive.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1, not {share}")
    y, p = _checked(labels, scores)
    return float(_found(y, p, np.array([share * len(y)]))[0]) / share


def epoch_points(epochs: Iterable[Mapping[str, float]]) -> Points:
    """One point a series and epoch out of lines such as {"epoch": 1, "train_loss": .6, "validation_loss": .5}.

    Every number beside `epoch` is a series of its name; x is the epoch, y the number.
    """
    return [
        {"series": name, "x": float(line["epoch"]), "y": float(value), "rows": None}
        for line in epochs
        for name, value in line.items()
        if name != "epoch"
    ]


def _found(y: NDArray[np.float64], p: NDArray[np.float64], depths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the positives among the first `depths` rows by falling score."""
    if not y.any():
        raise ValueError("no label is positive")
    order = np.argsort(-p, kind="stable")
    y, p = y[order], p[order]
    ends = np.append(np.flatnonzero(np.diff(p) < 0), len(p) - 1)
    return np.interp(depths, np.concatenate(([0], ends + 1)), np.concatenate(([0], np.cumsum(y)[ends]))) / y.sum()


def _wilson(rate: float, rows: int, z: float = 1.959964) -> tuple[float, float]:
    """95 % score interval of a rate out of so many rows (Wilson, 1927)."""
    middle = (rate + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z / (1 + z**2 / rows) * (rate * (1 - rate) / rows + z**2 / (4 * rows**2)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def _checked(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y, p = np.asarray(labels, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if y.ndim != 1 or y.shape != p.shape or not len(y):
        raise ValueError(f"labels and scores must be equally long, not {list(y.shape)} and {list(p.shape)}")
    if not np.isin(y, (0, 1)).all():
        raise ValueError("labels must be 0 or 1")
    if not np.isfinite(p).all():
        raise ValueError("scores must be finite")
    return y, p
