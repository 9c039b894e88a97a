"""Gradient-boosted trees over a feature vector, as xgboost saves them; oneDAL scores them where there is a build of it.

Not onnxruntime: in the same SQL function the same trees are about three times as fast in xgboost, which walks a row's
trees without building a tensor an operator. Contributions are xgboost's everywhere.
"""

from __future__ import annotations

import json
import threading
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import xgboost
from numpy.typing import NDArray

from udfs.feature_batches import feature_batch
from udfs.log_odds import sigmoid
from udfs.model_registry import ModelRefused
from udfs.onedal_trees import LogOdds, onedal_log_odds

_PROBABILITY_OBJECTIVES = ("binary:logistic", "reg:logistic")


class BoostedScorer:
    """Gradient-boosted trees (xgboost) over the whole feature vector; NaN is a missing feature, which trees handle."""

    # DuckDB's whole batch: where xgboost scores, it lays its trees out anew in each call, which 1,024 rows feel.
    piece_rows = 2_048

    def __init__(self, name: str, content: bytes) -> None:
        """Load the booster from `content`, UBJSON or JSON as xgboost saves it.

        Raises ModelRefused when xgboost can't read it or it doesn't predict a probability.
        """
        self.name = name
        # One thread a call: the pool supplies the parallelism.
        booster = xgboost.Booster({"nthread": 1})
        try:
            booster.load_model(bytearray(content))
            objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
        except xgboost.core.XGBoostError as error:
            reason = str(error).splitlines()[0]
            raise ModelRefused(f"{name}: xgboost can't load the model ({reason}); train it again") from error
        if objective not in _PROBABILITY_OBJECTIVES:
            raise ModelRefused(
                f"{name}: the model's objective is {objective}, which predicts no probability; "
                f"train it with {' or '.join(_PROBABILITY_OBJECTIVES)}"
            )
        self.feature_count = booster.num_features()
        # After early stopping the later trees are worse, and evaluation leaves them out too.
        best = booster.attr("best_iteration")
        self._booster = booster if best is None else booster[: int(best) + 1]
        self._booster.set_attr(best_iteration=None)
        self._loading = threading.Lock()
        # xgboost configures itself on the first prediction; do that here, while no other thread looks on.
        self._booster.inplace_predict(np.zeros((1, self.feature_count), dtype=np.float32))

    def dense_batch(self, column: pa.Array | pa.ChunkedArray) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Features [N, K] and the mask [N] of rows to score; see `feature_batch` for the rules."""
        return feature_batch(column, self.feature_count)

    def score(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Score features [rows, K], NaN where missing; returns probabilities [rows] in 0..1."""
        with self._loading:
            log_odds = self._log_odds
        if log_odds is None or not len(batch):
            return self._booster.inplace_predict(batch, missing=np.nan)
        return sigmoid(log_odds(batch)).astype(np.float32)

    @cached_property
    def _log_odds(self) -> LogOdds | None:
        """Of oneDAL, loaded with the first batch: who asks for contributions alone need not wait for it."""
        return onedal_log_odds(self._booster)

    def attribution(self, fast: bool) -> str:
        """Tree SHAP, or the path rule; see `udfs/reasons.py`."""
        return "approximate" if fast else "exact"

    def explain(self, batch: NDArray[Any], fast: bool) -> NDArray[np.float64]:
        """Contributions [rows, K + 1] of features [rows, K] to the log-odds, the base value last."""
        if not len(batch):
            return np.empty((0, self.feature_count + 1))
        rows = xgboost.DMatrix(batch, missing=np.nan, nthread=1)
        found = self._booster.predict(rows, pred_contribs=True, approx_contribs=fast)
        return np.asarray(found, dtype=np.float64)
