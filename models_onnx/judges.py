"""Judges: the same measure of several score vectors over the same rows, with intervals that pair them by user.

Rows of one user are no independent evidence, so whole users are drawn (cluster bootstrap; Efron and Tibshirani, 1993).
Two vectors are compared on the same draws: what makes a draw easy or hard for both cancels out of their difference.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 300
LEVEL = 0.95
Scores = NDArray[np.floating[Any]]


class _BootstrapJudge:
    """Labels [N] of 0 and 1, groups [N] (user numbers); scores may be any order, probabilities or not."""

    measure = ""

    def __init__(self, labels: ArrayLike, groups: ArrayLike, draws: int = DRAWS, seed: int = 0) -> None:
        """Raises ValueError when labels and groups differ in length or the labels hold one class only."""
        self.labels = np.asarray(labels, dtype=np.float64)
        found = np.unique(np.asarray(groups), return_inverse=True)[1].reshape(-1)
        if self.labels.ndim != 1 or found.shape != self.labels.shape:
            raise ValueError(f"labels and groups must be equally long, not {list(self.labels.shape)} and {list(found.shape)}")
        if len(np.unique(self.labels)) != 2 or not np.isin(self.labels, (0, 1)).all():
            raise ValueError("the test window must hold both classes, labels 0 and 1")
        self._groups = found
        self._draws, self._seed = draws, seed

    def value(self, scores: Scores) -> float:
        """The measure of `scores` [N]; ValueError when they are not N finite numbers."""
        return self._measured(self._sorted(scores), np.ones(len(self.labels)))

    def interval(self, scores: Scores) -> tuple[float, float]:
        """Percentile bootstrap interval, 95 %."""
        found = self._drawn(scores)
        return _quantiles(found)

    def gain(self, new: Scores, old: Scores) -> tuple[float, float, float]:
        """Gain of `new` on `old` (not a mean of draws: the difference on all rows), and its paired 95 % interval."""
        lower, upper = _quantiles(self._drawn(new) - self._drawn(old))
        return self.value(new) - self.value(old), lower, upper

    @cached_property
    def _weights(self) -> NDArray[np.float32]:
        """How often each group is drawn, [draws, G]; a draw that holds one class is drawn anew."""
        random = np.random.default_rng(self._seed)
        groups = int(self._groups.max()) + 1
        has = [np.bincount(self._groups, weights=self.labels == label, minlength=groups) > 0 for label in (0, 1)]
        kept: list[NDArray[np.float32]] = []
        for _ in range(100 * self._draws):
            weights = np.bincount(random.integers(0, groups, groups), minlength=groups).astype(np.float32)
            if all((weights[group_has] > 0).any() for group_has in has):
                kept.append(weights)
            if len(kept) == self._draws:
                return np.array(kept)
        raise ValueError("too few users hold both classes to draw an interval")

    def _drawn(self, scores: Scores) -> NDArray[np.float64]:
        ordered = self._sorted(scores)
        return np.array([self._measured(ordered, weights[self._groups]) for weights in self._weights])

    def _sorted(self, scores: Scores) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Order of the rows by falling score, and where each step of equal scores begins."""
        values = np.asarray(scores, dtype=np.float64)
        if values.shape != self.labels.shape or not np.isfinite(values).all():
            raise ValueError(f"scores must be {len(self.labels)} finite numbers")
        order = np.argsort(-values, kind="stable")
        return order, np.flatnonzero(np.concatenate(([True], np.diff(values[order]) != 0)))

    def _measured(self, ordered: tuple[NDArray[np.int64], NDArray[np.int64]], weights: NDArray[Any]) -> float:
        order, steps = ordered
        weight, label = weights[order].astype(np.float64), self.labels[order]
        positives = np.add.reduceat(weight * label, steps)
        return self._of_steps(positives, np.add.reduceat(weight, steps) - positives)

    def _of_steps(self, positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> float:
        raise NotImplementedError


class AucJudge(_BootstrapJudge):
    """Area under the ROC curve, ties half."""

    measure = "auc"

    def _of_steps(self, positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> float:
        below = negatives.sum() - np.cumsum(negatives)
        return float((positives * (below + negatives / 2)).sum() / (positives.sum() * negatives.sum()))


class AveragePrecisionJudge(_BootstrapJudge):
    """Average precision, as scikit-learn computes it: precision at each step times the recall gained there."""

    measure = "average_precision"

    def _of_steps(self, positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> float:
        hits, shown = np.cumsum(positives), np.cumsum(positives + negatives)
        # The first steps of a draw may hold no row at all.
        precision = np.divide(hits, shown, out=np.zeros_like(hits), where=shown > 0)
        return float((positives * precision).sum() / hits[-1])


class PerUserJudge:
    """The mean over users of a measure that each user has (recall@10, NDCG@10); intervals by the normal law of means."""

    def __init__(self, measure: str, values_of: Callable[[Scores], NDArray[np.float64]]) -> None:
        """`values_of(scores [N])` gives one value a user, [U], always in the same order."""
        self.measure = measure
        self._values_of = values_of

    def value(self, scores: Scores) -> float:
        """Mean over users."""
        return float(np.mean(self._values_of(scores)))

    def interval(self, scores: Scores) -> tuple[float, float]:
        """95 % interval of the mean over users."""
        return _of_mean(self._values_of(scores))[1:]

    def gain(self, new: Scores, old: Scores) -> tuple[float, float, float]:
        """Mean of the users' differences and its 95 % interval."""
        return _of_mean(self._values_of(new) - self._values_of(old))


def _quantiles(draws: NDArray[np.float64]) -> tuple[float, float]:
    tail = (1 - LEVEL) / 2
    lower, upper = np.quantile(draws, [tail, 1 - tail])
    return float(lower), float(upper)


def _of_mean(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean and its 95 % interval; a single user tells nothing about the spread, so the interval is then without end."""
    mean = float(np.mean(values))
    half = 1.959964 * float(np.std(values, ddof=1)) / len(values) ** 0.5 if len(values) > 1 else float("inf")
    return mean, mean - half, mean + half
