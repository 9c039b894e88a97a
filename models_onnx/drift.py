"""Drift: what a model's inputs and its score looked like in training, to hold the present against.

The measure is the population stability index, PSI = Σ (now - then) · ln(now / then) over the bins of one input, where
`then` and `now` are the shares of rows in a bin (Siddiqi, Credit Risk Scorecards, 2006); the missing have a bin of their
own. By that book's custom below .1 nothing has changed, and above .25 much has. It is Jeffreys' symmetric divergence of two
binned distributions. Bins that hold nothing count as SMALLEST_SHARE. Where both samples come from one distribution, PSI is
about (1/n + 1/m) · χ² with (bins - 1) degrees of freedom (Yurdakul and Naranjo, 2020), so few rows alone make some drift.

A card keeps the bins and the shares of then (`profile`); audits.score_drift compares them with today's rows in SQL, and
`psi` here says the same in Python.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOST_BINS = 10
SCORE = "score"
SMALLEST_SHARE = 1e-4
_DIGITS = 6
"""Cards round to six digits; edges are rounded first and rows are counted afterwards, so both tell the same."""


def profile(features: ArrayLike, names: Sequence[str], scores: ArrayLike) -> list[dict[str, Any]]:
    """One entry per feature, in order, and one for the score: {"input", "position", "edges", "expected", "missing", "rows"}.

    features [N, K] of numbers, NaN (or an infinity) where missing; names [K]; scores [N]. K may be 0: then the score alone.
    `position` is the feature's place in the vector, counted from 1, and None for the score. `edges` are E rising numbers, E
    at most 10; `expected` the E + 1 shares of all rows with value ≤ the first edge, … > the last edge; `missing` the share
    without a value, so that expected and missing add up to 1. Edges are deciles of the values; where a tenth of the rows or
    more share the lowest or the highest value, there is a bin for what lies beyond it, empty then.

    Raises ValueError when the shapes don't fit or N is 0.
    """
    table = np.asarray(features, dtype=np.float64)
    values = np.asarray(scores, dtype=np.float64).reshape(-1)
    if table.ndim != 2 or table.shape != (len(values), len(names)) or not len(values):
        raise ValueError(
            f"features must be [{len(values)}, {len(names)}] for {len(values)} scores and {len(names)} names, "
            f"not {list(table.shape)}, and hold a row"
        )
    entries = [_entry(name, place + 1, table[:, place]) for place, name in enumerate(names)]
    return [*entries, _entry(SCORE, None, values)]


def psi(entry: dict[str, Any], values: ArrayLike) -> float:
    """PSI of today's `values` [M] against one entry of `profile`; ValueError when there are none."""
    now = np.asarray(values, dtype=np.float64).reshape(-1)
    if not len(now):
        raise ValueError("there are no values to compare")
    shares, missing = _shares(now, np.asarray(entry["edges"], dtype=np.float64))
    then = np.maximum([*entry["expected"], entry["missing"]], SMALLEST_SHARE)
    today = np.maximum([*shares, missing], SMALLEST_SHARE)
    return float(((today - then) * np.log(today / then)).sum())


def _entry(name: str, position: int | None, values: NDArray[np.float64]) -> dict[str, Any]:
    edges = _edges(values[np.isfinite(values)])
    shares, missing = _shares(values, edges)
    return {
        "input": name,
        "position": position,
        "edges": edges.tolist(),
        "expected": np.round(shares, _DIGITS).tolist(),
        "missing": round(missing, _DIGITS),
        "rows": len(values),
    }


def _edges(known: NDArray[np.float64]) -> NDArray[np.float64]:
    if not len(known):
        return np.empty(0)
    deciles = np.quantile(known, np.arange(1, MOST_BINS) / MOST_BINS, method="inverted_cdf")
    # Rounded up, so that a value that an edge was made of stays below it.
    edges = np.ceil(deciles * 10**_DIGITS) / 10**_DIGITS
    lowest = known.min()
    if deciles[0] == lowest:
        edges = np.append(edges, np.floor(lowest * 10**_DIGITS) / 10**_DIGITS - 10.0**-_DIGITS)
    return np.unique(np.round(edges, _DIGITS))


def _shares(values: NDArray[np.float64], edges: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Shares of all rows in each bin (value ≤ edge belongs below it), and the share that is missing."""
    known = values[np.isfinite(values)]
    counts = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
    return counts / len(values), 1 - len(known) / len(values)
