"""Gradient-boosted trees over a feature vector, run by xgboost itself.

Not by onnxruntime: in the same SQL function the same trees are about three times as fast in xgboost, which walks a row's
trees without building a tensor an operator.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import xgboost
from numpy.typing import NDArray

from udfs.feature_batches import feature_batch
from udfs.model_registry import ModelRefused

_PROBABILITY_OBJECTIVES = ("binary:logistic", "reg:logistic")


class BoostedScorer:
    """Gradient-boosted trees (xgboost) over the whole feature vector; NaN is a missing feature, which trees handle."""

    # DuckDB's whole batch: xgboost lays its trees out anew in each call, which 1,024 rows feel.
    piece_rows = 2_048

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

    def attribution(self, fast: bool) -> str:
        """Tree SHAP, or the path rule; see `udfs/reasons.py`."""
        return "approximate" if fast else "exact"

    def explain(self, batch: NDArray[Any], fast: bool) -> NDArray[np.float64]:
        """Contributions [rows, K + 1] of features [rows, K] to the log-odds, the base value last."""
        if not len(batch):
            return np.empty((0, self.feature_count + 1))
        rows = xgboost.DMatrix(batch, missing=np.nan, nthread=1)
        found = self._booster.predict(rows, pred_contribs=True, approx_contribs=fast, iteration_range=self._rounds)
        return np.asarray(found, dtype=np.float64)
