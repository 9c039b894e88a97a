"""Any ONNX graph over one feature vector: float32 [rows, K] in, NaN where missing; a probability a row out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.feature_batches import feature_batch
from udfs.log_odds import logit
from udfs.model_registry import ModelRefused
from udfs.onnx_session import describe_inputs, open_session
from udfs.reasons import in_two_orders


class FeatureNetworkScorer:
    """Runs an ONNX graph over features; missing values are its own affair (the logistic regression imputes within)."""

    piece_rows = 4_096

    def __init__(self, name: str, content: bytes) -> None:
        """Load the graph from `content`. Raises ModelRefused when it isn't readable or its input isn't float32 [rows, K]."""
        self.name = name
        self._session = open_session(name, content)
        inputs = self._session.get_inputs()
        shape = inputs[0].shape if len(inputs) == 1 else []
        if len(shape) != 2 or inputs[0].type != "tensor(float)" or not isinstance(shape[1], int):
            raise ModelRefused(
                f"{name}: the model must have one input, float32 [rows, features], but has {describe_inputs(self._session)}; "
                "train it again"
            )
        self._input = inputs[0].name
        self.feature_count = int(shape[1])

    def dense_batch(self, column: pa.Array | pa.ChunkedArray) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Features [N, K] and the mask [N] of rows to score; see `feature_batch` for the rules."""
        return feature_batch(column, self.feature_count)

    def score(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Score features [rows, K]; returns probabilities [rows] in 0..1."""
        if not len(batch):
            return np.empty(0, dtype=np.float32)
        (scores,) = self._session.run(None, {self._input: batch.astype(np.float32, copy=False)})
        return np.asarray(scores, dtype=np.float32).reshape(len(batch))

    def attribution(self, fast: bool) -> str:
        """What the graph computes is its own affair: features are taken away; see `udfs/reasons.py`."""
        return "occlusion"

    def explain(self, batch: NDArray[Any], fast: bool) -> NDArray[np.float64]:
        """Contributions [rows, K + 1] to the log-odds; the base value is that of a row of which nothing is known.

        Of a logistic regression they are coefficient × (value - mean), since a missing value is the mean.
        """
        return in_two_orders(lambda rows: logit(self.score(rows)), batch, np.nan)
