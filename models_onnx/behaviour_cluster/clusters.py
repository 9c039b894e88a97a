"""k-means over robustly scaled features: fitting, the number of clusters, and how stable they are."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

NUMBERS_OF_CLUSTERS = range(3, 9)
FARTHEST = 3.0
"""Scaled features are kept within this many robust deviations, so that no outlier is a cluster of its own."""
SMALLEST_SHARE = 0.05
"""Of users; a smaller cluster is not worth a campaign."""
DRAWS = 20
STARTS, HALF_STARTS = 50, 5
"""k-means++ starts, of which the best is kept: of the model, and of each trial on half of the users."""
_NORMAL_IQR = 1.349
"""Interquartile range of a normal distribution, in standard deviations."""


@dataclass(frozen=True)
class Clusters:
    """K features scaled as clip((x - median) / scale), and M centres; users belong to the nearest (squared distance)."""

    median: NDArray[np.float32]
    """[K]; stands in for a missing feature."""
    inverse_scale: NDArray[np.float32]
    """[K]; 0 for a feature that doesn't vary, which then says nothing."""
    centres: NDArray[np.float32]
    """[M, K], scaled; the order is that of falling first feature."""

    def scaled(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Features [N, K], NaN where missing, scaled."""
        known = np.where(np.isnan(features), self.median, features)
        return np.clip((known - self.median) * self.inverse_scale, -FARTHEST, FARTHEST).astype(np.float32)

    def of(self, features: NDArray[Any]) -> NDArray[np.int64]:
        """Clusters [N], from 1."""
        scaled = self.scaled(features)
        distances = (self.centres**2).sum(axis=1) - 2 * scaled @ self.centres.T
        return distances.argmin(axis=1) + 1


def fit(features: NDArray[Any], clusters: int, seed: int, starts: int = STARTS) -> Clusters:
    """k-means (Lloyd; the best of some k-means++ starts) over features [N, K]. Raises ValueError for N < clusters."""
    if len(features) < clusters:
        raise ValueError(f"{len(features)} users can't make {clusters} clusters")
    unplaced = _scaling(features)
    with warnings.catch_warnings():
        # Users of fewer habits than clusters leave some of them empty, which `choose` sees and doesn't admit.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = KMeans(clusters, n_init=starts, random_state=seed).fit(unplaced.scaled(features).astype(np.float64))
    centres = found.cluster_centers_
    order = np.lexsort(centres.T[::-1])[::-1]
    return Clusters(unplaced.median, unplaced.inverse_scale, centres[order].astype(np.float32))


def choose(features: NDArray[Any], seed: int) -> tuple[int, dict[int, dict[str, float]]]:
    """The number of clusters that two halves of the users agree on best, and what each number reached.

    Users are halved at random; each half makes its own clusters; all users are put into both, and the two are compared by the
    adjusted Rand index (prediction strength in spirit; Tibshirani and Walther, 2005). The mean of 20 draws decides, among
    numbers whose smallest cluster holds 5 % of users; of equals the fewest. Nothing later than `features` [N, K] is looked at.
    """
    random = np.random.default_rng(seed)
    halves = [random.permutation(len(features)) for _ in range(DRAWS)]
    reached: dict[int, dict[str, float]] = {}
    for number in NUMBERS_OF_CLUSTERS:
        if len(features) < 4 * number:
            break
        indices = []
        for draw, order in enumerate(halves):
            first, second = (
                fit(features[part], number, seed + draw, HALF_STARTS).of(features) for part in np.array_split(order, 2)
            )
            indices.append(adjusted_rand_score(first, second))
        whole = fit(features, number, seed, HALF_STARTS).of(features)
        smallest = np.bincount(whole, minlength=number + 1)[1:].min() / len(features)
        reached[number] = {
            "agreement": float(np.mean(indices)),
            "standard_error": float(np.std(indices, ddof=1) / DRAWS**0.5),
            "smallest_share": float(smallest),
        }
    admitted = [number for number, found in reached.items() if found["smallest_share"] >= SMALLEST_SHARE] or list(reached)
    if not admitted:
        raise ValueError(f"{len(features)} users are too few to make clusters")
    best = max(admitted, key=lambda number: reached[number]["agreement"])
    enough = reached[best]["agreement"] - reached[best]["standard_error"]
    return min(number for number in admitted if reached[number]["agreement"] >= enough), reached


def _scaling(features: NDArray[Any]) -> Clusters:
    """Median and robust deviation of each feature; where more than half of the values are one, the standard deviation."""
    known = np.isfinite(features).any(axis=0)
    quartiles = np.zeros((3, features.shape[1]))
    deviation = np.zeros(features.shape[1])
    quartiles[:, known] = np.nanquantile(features[:, known], [0.25, 0.5, 0.75], axis=0)
    deviation[known] = np.nanstd(features[:, known], axis=0)
    robust = (quartiles[2] - quartiles[0]) / _NORMAL_IQR
    scale = np.where(robust > 1e-6, robust, deviation)
    inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 1e-6)
    return Clusters(
        quartiles[1].astype(np.float32), inverse.astype(np.float32), np.empty((0, features.shape[1]), dtype=np.float32)
    )
