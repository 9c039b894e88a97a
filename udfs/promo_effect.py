"""The founding article's promotion effect, E(u, p) = σ(W_e · [I(u, p), p] + b_e): interest joined with the product's side."""

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


class LinearEffectScorer:
    """The linear form over chosen entries of the feature vector, interest among them; a probability 0..1.

    It says how likely a purchase is under a promotion, not what the promotion changes: that is what uplift is for.
    """

    # A matrix product is far too quick to be worth handing to another thread.
    piece_rows = 65_536

    def __init__(self, name: str, content: bytes) -> None:
        """Read `content`, JSON {"weights": [n], "bias": b, "inputs": [n places in the vector, from 0], "missing": [n values that
        stand in for a missing one], "feature_count": K}. Raises ModelRefused when it is anything else.
        """
        self.name = name
        try:
            model = json.loads(content)
            self._weights = np.array([float(weight) for weight in model["weights"]])
            self._missing = np.array([float(value) for value in model["missing"]])
            self._inputs = np.array([int(place) for place in model["inputs"]], dtype=np.int64)
            self._bias = float(model["bias"])
            self.feature_count = int(model["feature_count"])
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise ModelRefused(
                f"{name}: the linear effect must be JSON with weights, bias, inputs, missing and feature_count "
                f"({type(error).__name__}: {error}); train it again"
            ) from error
        count = len(self._weights)
        if not count or len(self._missing) != count or len(set(self._inputs.tolist())) != count:
            raise ModelRefused(f"{name}: the linear effect needs one input and one stand-in a weight; train it again")
        if self._inputs.min() < 0 or self._inputs.max() >= self.feature_count:
            raise ModelRefused(
                f"{name}: an input of the linear effect lies outside {self.feature_count} features; train it again"
            )
        if not (np.isfinite(self._weights).all() and np.isfinite(self._missing).all() and math.isfinite(self._bias)):
            raise ModelRefused(f"{name}: the linear effect's numbers must be finite; train it again")

    def dense_batch(self, column: pa.Array | pa.ChunkedArray) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Features [N, K] and the mask [N] of rows to score; see `feature_batch` for the rules."""
        return feature_batch(column, self.feature_count)

    def score(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Score features [rows, K]; a missing (NaN) one counts as its stand-in. Returns probabilities [rows] in 0..1."""
        # float64, so that products of the largest float32 don't overflow.
        values = batch[:, self._inputs].astype(np.float64)
        logits = np.where(np.isnan(values), self._missing, values) @ self._weights + self._bias
        return sigmoid(logits).astype(np.float32)

    def attribution(self, fast: bool) -> str:
        """The weights' own; see `udfs/reasons.py`."""
        return "exact"

    def explain(self, batch: NDArray[Any], fast: bool) -> NDArray[np.float64]:
        """Contributions [rows, K + 1] to the log-odds: weight × distance from a missing value's stand-in, the mean."""
        values = batch[:, self._inputs].astype(np.float64)
        contributions = np.zeros((len(batch), self.feature_count + 1))
        contributions[:, self._inputs] = np.where(np.isnan(values), 0.0, values - self._missing) * self._weights
        contributions[:, -1] = self._missing @ self._weights + self._bias
        return contributions
