"""Metrics of a binary classifier from (labels, scores): pure functions that every model's card uses.

Everywhere: labels [N] of 0 and 1, scores [N] of probabilities in 0..1. ValueError is raised when the two differ in
length, are empty, hold anything else, or (where a measure needs both) when only one class is present.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score, classification_report, roc_auc_score

from models_onnx.curves import lift

CALIBRATION_BINS = 15
THRESHOLD = 0.5
# float32 scores may be exactly 0 or 1; the log-loss of a wrong one would be infinite.
SMALLEST_PROBABILITY = 1e-7


def binary_metrics(labels: ArrayLike, scores: ArrayLike, threshold: float = THRESHOLD) -> dict[str, Any]:
    """Every measure of the model cards.

    Keys: rows, base_rate, mean_score, auc, average_precision, lift@10% (see curves.lift), log_loss (nats), brier, ece (15
    equal-width bins), accuracy (at `threshold`), report (see `report`). Figures are floats between 0 and 1, log_loss and
    lift aside.
    """
    y, p = _checked(labels, scores, both_classes=True)
    return {
        "rows": len(y),
        "base_rate": float(y.mean()),
        "mean_score": float(p.mean()),
        "auc": auc(y, p),
        "average_precision": float(average_precision_score(y, p)),
        "lift@10%": lift(y, p, 0.1),
        "log_loss": log_loss(y, p),
        "brier": brier(y, p),
        "ece": expected_calibration_error(y, p),
        "accuracy": accuracy(y, p, threshold),
        "report": report(y, p, threshold),
    }


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve: the chance that a random positive scores above a random negative, ties half."""
    y, p = _checked(labels, scores, both_classes=True)
    return float(roc_auc_score(y, p))


def log_loss(labels: ArrayLike, scores: ArrayLike) -> float:
    """Mean negative log-likelihood in nats, scores kept 1e-7 away from 0 and 1."""
    y, p = _checked(labels, scores)
    safe = np.clip(p, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return float(-np.mean(np.where(y == 1, np.log(safe), np.log1p(-safe))))


def brier(labels: ArrayLike, scores: ArrayLike) -> float:
    """Mean squared difference of score and label (Brier, 1950)."""
    y, p = _checked(labels, scores)
    return float(np.mean((p - y) ** 2))


def accuracy(labels: ArrayLike, scores: ArrayLike, threshold: float = THRESHOLD) -> float:
    """Share of rows on the right side of the threshold; a score equal to it counts as positive."""
    y, p = _checked(labels, scores)
    return float(np.mean((p >= threshold) == (y == 1)))


def expected_calibration_error(labels: ArrayLike, scores: ArrayLike, bins: int = CALIBRATION_BINS) -> float:
    """Mean |observed rate - mean score| over equal-width bins of the score, weighted by rows (Guo et al., 2017)."""
    table = calibration_table(labels, scores, bins)
    rows = sum(line["rows"] for line in table)
    return float(sum(line["rows"] * abs(line["observed_rate"] - line["mean_score"]) for line in table) / rows)


def calibration_table(labels: ArrayLike, scores: ArrayLike, bins: int = CALIBRATION_BINS) -> list[dict[str, Any]]:
    """One line per non-empty bin [lower, upper) of the score (the last one holds 1 too), in rising order.

    Keys: lower, upper, rows, mean_score, observed_rate. ValueError when bins < 1.
    """
    if bins < 1:
        raise ValueError(f"bins must be at least 1, not {bins}")
    y, p = _checked(labels, scores)
    bin_of = np.minimum((p * bins).astype(np.int64), bins - 1)
    table = []
    for index in np.unique(bin_of):
        inside = bin_of == index
        table.append(
            {
                "lower": float(index / bins),
                "upper": float((index + 1) / bins),
                "rows": int(inside.sum()),
                "mean_score": float(p[inside].mean()),
                "observed_rate": float(y[inside].mean()),
            }
        )
    return table


def report(labels: ArrayLike, scores: ArrayLike, threshold: float = THRESHOLD) -> dict[str, Any]:
    """scikit-learn's classification report as a dict: precision, recall, f1-score and support.

    Keys: "0", "1", "accuracy", "macro avg", "weighted avg". A class that is never predicted has precision 0.
    """
    y, p = _checked(labels, scores)
    predicted = (p >= threshold).astype(np.int64)
    lines = classification_report(y.astype(np.int64), predicted, labels=[0, 1], output_dict=True, zero_division=0.0)
    # With every class named, scikit-learn leaves "accuracy" out where only one of them occurs.
    return {**lines, "accuracy": float(np.mean(predicted == y))}


def auc_interval(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike | None = None,
    draws: int = 500,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of the AUC (Efron, 1979): (lower, upper).

    With `groups` [N] (say user ids) whole groups are drawn: rows of one user are no independent evidence, and drawing
    rows alone makes the interval too narrow. Draws that happen to hold one class are drawn anew. ValueError when draws
    < 1, when level is not within (0, 1), or when so few groups hold a class that 100 draws in a row miss it.
    """
    return _interval(_weighted_auc, "the AUC", labels, scores, groups, draws, level, seed)


def average_precision_interval(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike | None = None,
    draws: int = 500,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of the average precision; arguments, draws and errors as in `auc_interval`."""
    return _interval(_weighted_precision, "the average precision", labels, scores, groups, draws, level, seed)


def _interval(
    measure: Callable[[NDArray[Any], NDArray[Any]], float | None],
    named: str,
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike | None,
    draws: int,
    level: float,
    seed: int,
) -> tuple[float, float]:
    """Interval of `measure`, a function of the weights of positives and negatives at each step of equal, rising scores."""
    y, p = _checked(labels, scores, both_classes=True)
    if draws < 1 or not 0 < level < 1:
        raise ValueError(f"draws must be at least 1 and level within (0, 1), not {draws} and {level}")
    if groups is None:
        group_of = np.arange(len(y))
    else:
        _, group_of = np.unique(np.asarray(groups), return_inverse=True)
        if group_of.shape != y.shape:
            raise ValueError(f"groups must have the shape [{len(y)}], not {list(group_of.shape)}")
    group_count = int(group_of.max()) + 1
    order = np.argsort(p, kind="stable")
    y, p, group_of = y[order], p[order], group_of[order]
    # Equal scores form one step of the curve.
    step_of = np.cumsum(np.concatenate(([0], (np.diff(p) > 0).astype(np.int64))))
    random = np.random.default_rng(seed)
    found: list[float] = []
    misses = 0
    while len(found) < draws:
        weight = np.bincount(random.integers(0, group_count, group_count), minlength=group_count)[group_of].astype(np.float64)
        value = measure(np.bincount(step_of, weights=weight * y), np.bincount(step_of, weights=weight * (1 - y)))
        if value is not None:
            found.append(value)
            misses = 0
            continue
        misses += 1
        if misses == 100:
            raise ValueError(f"too few groups hold both classes to bootstrap {named}")
    tail = (1 - level) / 2
    lower, upper = np.quantile(found, [tail, 1 - tail])
    return float(lower), float(upper)


def _weighted_auc(positives: NDArray[Any], negatives: NDArray[Any]) -> float | None:
    """AUC of the weights at steps of rising score; None when a class has no weight."""
    pairs = positives.sum() * negatives.sum()
    if pairs == 0:
        return None
    below = np.cumsum(negatives) - negatives
    return float((positives * (below + negatives / 2)).sum() / pairs)


def _weighted_precision(positives: NDArray[Any], negatives: NDArray[Any]) -> float | None:
    """Average precision, the mean over positives of the precision at their score; None when a class has no weight."""
    hits, others = np.cumsum(positives[::-1]), np.cumsum(negatives[::-1])
    if hits[-1] * others[-1] == 0:
        return None
    shown = hits + others
    precision = np.divide(hits, shown, out=np.zeros_like(hits), where=shown > 0)
    return float((positives[::-1] * precision).sum() / hits[-1])


def _checked(labels: ArrayLike, scores: ArrayLike, both_classes: bool = False) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both as float64 [N], or ValueError."""
    y, p = np.asarray(labels, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if y.ndim != 1 or y.shape != p.shape or not len(y):
        raise ValueError(f"labels and scores must be equally long, not {list(y.shape)} and {list(p.shape)}")
    if not np.isin(y, (0, 1)).all():
        raise ValueError("labels must be 0 or 1")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("scores must lie within 0..1")
    if both_classes and y.min() == y.max():
        raise ValueError("both classes must be present")
    return y, p
