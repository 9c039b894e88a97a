"""Interest of a user u in a product p, 0..1: the founding article's linear form and gradient-boosted trees.

Both read one feature vector, laid out [u_1 .. u_n, p_1 .. p_n, further features ...], and stand behind one
SQL function; which of them serves is configuration.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import xgboost
from numpy.typing import NDArray

from udfs.feature_batches import feature_batch
from udfs.model_registry import ModelRefused

_PROBABILITY_OBJECTIVES = ("binary:logistic", "reg:logistic")


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
        # sigmoid(z) = (1 + tanh(z / 2)) / 2, which can't overflow as exp(-z) can.
        return (0.5 + 0.5 * np.tanh(0.5 * logits)).astype(np.float32)


class BoostedInterestScorer:
    """Gradient-boosted trees (xgboost) over the whole feature vector; NaN is a missing feature, which trees handle."""

    # Two pieces in DuckDB's batches of 2,048; smaller ones spend their time on the call.
    piece_rows = 1_024

    def __init__(self, name: str, content: bytes) -> None:
        """Load the booster from `content`, UBJSON or JSON as xgboost saves it.

        Raises ModelRefused when xgboost can't read it or it doesn't predict a probability.
        """
        self.name = name
        # One thread a call: the pool supplies the parallelism.
        self._booster = xgboost.Booster({"nthread": 1})
        try:
            self._booster.load_model(bytearray(content))
            objective = json.loads(self._booster.save_config())["learner"]["objective"]["name"]
        except xgboost.core.XGBoostError as error:
            reason = str(error).splitlines()[0]
            raise ModelRefused(f"{name}: xgboost can't load the model ({reason}); train it again") from error
        if objective not in _PROBABILITY_OBJECTIVES:
            raise ModelRefused(
                f"{name}: the model's objective is {objective}, which predicts no probability; "
                f"train it with {' or '.join(_PROBABILITY_OBJECTIVES)}"
            )
        self.feature_count = self._booster.num_features()
        # After early stopping the later trees are worse, and evaluation leaves them out too; (0, 0) means all trees.
        best = self._booster.attr("best_iteration")
        self._rounds = (0, 0 if best is None else int(best) + 1)
        # xgboost configures itself on the first prediction; do that here, while no other thread looks on.
        self.score(np.zeros((1, self.feature_count), dtype=np.float32))

    def dense_batch(self, column: pa.Array | pa.ChunkedArray) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Features [N, K] and the mask [N] of rows to score; see `feature_batch` for the rules."""
        return feature_batch(column, self.feature_count)

    def score(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Score features [rows, K], NaN where missing; returns probabilities [rows] in 0..1."""
        return self._booster.inplace_predict(batch, iteration_range=self._rounds, missing=np.nan)
