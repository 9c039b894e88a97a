"""The rule that serves where data are too thin: label rates along one feature, learned where a model could be trained."""

import json

import numpy as np
from numpy.typing import NDArray

RULE_FILE = "rule.json"
BINS = 12
FEWEST_IN_BIN = 50


def fitted_rule(
    features: NDArray[np.float32], labels: NDArray[np.float32], names: list[str], feature: str, argument: int = 0
) -> bytes:
    """rule.json (see `udfs/rule.py`): rates of `labels` [N] along one of the features [N, K], NaN where missing.

    `argument` is the SQL function's argument that holds the features. Raises ValueError when `feature` is none of `names`.
    """
    index = names.index(feature)
    points, missing = _rates(features[:, index].astype(np.float64), labels)
    rule = {
        "input": "features",
        "argument": argument,
        "feature": feature,
        "index": index,
        "feature_count": len(names),
        "points": points,
        "missing": missing,
    }
    return (json.dumps(rule, indent=2) + "\n").encode()


def fitted_token_rule(tokens: NDArray[np.int32], labels: NDArray[np.float32]) -> bytes:
    """rule.json over event sequences [N, 50]: rates of `labels` [N] along the number of events among the newest 50."""
    points, missing = _rates((tokens != 0).sum(axis=1).astype(np.float64), labels)
    rule = {"input": "tokens", "feature": "events among the newest 50", "points": points, "missing": missing}
    return (json.dumps(rule, indent=2) + "\n").encode()


def _rates(values: NDArray[np.float64], labels: NDArray[np.float32]) -> tuple[list[list[float]], float]:
    """Points [mean value, rate] of quantile bins, and the rate where the value is missing.

    Rates are drawn to the overall rate by one row, so that no rule says never or always. Where no value is known, the rule
    is one flat point.
    """
    known = ~np.isnan(values)
    overall = float(labels.mean())

    def rate(rows: NDArray[np.bool_]) -> float:
        return round(float((labels[rows].sum() + overall) / (rows.sum() + 1)), 5)

    points: dict[float, float] = {}
    if known.any():
        bins = max(1, min(BINS, int(known.sum()) // FEWEST_IN_BIN))
        edges = np.unique(np.quantile(values[known], np.linspace(0, 1, bins + 1)[1:-1]))
        bin_of = np.searchsorted(edges, values, side="left")
        for number in range(len(edges) + 1):
            inside = known & (bin_of == number)
            if inside.any():
                points[round(float(values[inside].mean()), 4)] = rate(inside)
    missing = rate(~known) if not known.all() else round(overall, 5)
    return [list(point) for point in sorted(points.items())] or [[0.0, round(overall, 5)]], missing
