"""The founding article's linear form of the interest of a user u in a product p, 0..1.

It reads a feature vector laid out [u_1 .. u_n, p_1 .. p_n, further features ...], as the boosted trees beside it do.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.feature_batches import feature_batch
from udfs.log_odds import sigmoid
from udfs.model_registry import ModelRefused


class LinearInterestScorer:
    """The article's linear form, I(u, p) = sigmoid(W . (u * p) + b), over the element-wise products of u and p."""

    # A matrix product is far too quick to be worth handing to another thread.
    piece_rows = 65_536

    def __init__(self, name: str, content: bytes) -> None:
        """Read `content`, JSON {"weights": [n numbers], "bias": b, "pairs": n, "feature_count": K >= 2n}.

        Raises ModelRefused when it is anything else.
        """
        self.name = name
        try:
            model = json.loads(content)
            self._weights = np.array([float(weight) for weight in model["weights"]])
            self._bias = float(model["bias"])
            pairs, self.feature_count = int(model["pairs"]), int(model["feature_count"])
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise ModelRefused(
                f"{name}: the linear model must be JSON with weights, bias, pairs and feature_count "
                f"({type(error).__name__}: {error}); train it again"
            ) from error
        if not (1 <= pairs == len(self._weights) and 2 * pairs <= self.feature_count):
            raise ModelRefused(
                f"{name}: the linear model has {len(self._weights)} weights for {pairs} pairs in {self.feature_count} "
                "features; it needs one weight a pair and two features a pair; train it again"
            )
        if not (np.isfinite(self._weights).all() and math.isfinite(self._bias)):
            raise ModelRefused(f"{name}: the linear model's weights and bias must be finite; train it again")

    def dense_batch(self, column: pa.Array | pa.ChunkedArray) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Features [N, K] and the mask [N] of rows to score; see `feature_batch` for the rules."""
        return feature_batch(column, self.feature_count)

    def score(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Score features [rows, K]; a missing (NaN) feature counts as 0. Returns probabilities [rows] in 0..1."""
        pairs = len(self._weights)
        # float64, so that products of the largest float32 don't overflow.
        known = np.nan_to_num(batch[:, : 2 * pairs].astype(np.float64), nan=0.0)
        logits = (known[:, :pairs] * known[:, pairs:]) @ self._weights + self._bias
        return sigmoid(logits).astype(np.float32)

    def attribution(self, fast: bool) -> str:
        """The weights' own; see `udfs/reasons.py`."""
        return "exact"

    def explain(self, batch: NDArray[Any], fast: bool) -> NDArray[np.float64]:
        """Contributions [rows, K + 1] to the log-odds: each side of a pair gets half of the weighted product, which is the pair's
        Shapley value against a user and a product of zeros; the base value is the bias.
        """
        pairs = len(self._weights)
        known = np.nan_to_num(batch[:, : 2 * pairs].astype(np.float64), nan=0.0)
        halves = known[:, :pairs] * known[:, pairs:] * self._weights / 2
        contributions = np.zeros((len(batch), self.feature_count + 1))
        contributions[:, : 2 * pairs] = np.column_stack([halves, halves])
        contributions[:, -1] = self._bias
        return contributions
