"""A rule in a model's place: one feature, read off a line of points. It serves where data are too thin to learn from."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.feature_batches import feature_batch
from udfs.log_odds import logit
from udfs.model_registry import ModelRefused
from udfs.sequence_batches import SEQUENCE_LENGTH, sequence_batch

_INPUTS = ("features", "tokens")


class RuleScorer:
    """score = the piecewise-linear function through `points` at the feature; flat beyond the first and the last point.

    Over tokens the feature is the number of events among the newest 50.
    """

    piece_rows = 65_536

    def __init__(self, name: str, content: bytes) -> None:
        """Read `content`, JSON {"input": "features" or "tokens", "argument", "feature", "index", "feature_count", "points",
        "missing", "whole"}: points [[x, p], ...] with x rising and p within 0..1; `missing` the p of a missing feature; `whole`
        (false unless told) makes the scores whole numbers, for functions that give the number of a class.

        `argument` (0 unless told) is the SQL function's argument that holds the vector. Raises ModelRefused otherwise.
        """
        self.name = name
        try:
            rule = json.loads(content)
            self._input = str(rule.get("input", "features"))
            self._argument = int(rule.get("argument", 0))
            tokens = self._input == "tokens"
            self._index = 0 if tokens else int(rule["index"])
            self.feature_count = SEQUENCE_LENGTH if tokens else int(rule["feature_count"])
            points = np.array(rule["points"], dtype=np.float64)
            self._missing = float(rule["missing"])
            self._type = np.int32 if rule.get("whole", False) is True else np.float32
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise ModelRefused(
                f"{name}: a rule must be JSON with index, feature_count, points and missing "
                f"({type(error).__name__}: {error}); install offerhouse again"
            ) from error
        if (
            self._input not in _INPUTS
            or points.ndim != 2
            or points.shape[1:] != (2,)
            or not np.isfinite(points).all()
            or (np.diff(points[:, 0]) <= 0).any()
            or not ((points[:, 1] >= 0) & (points[:, 1] <= 1)).all()
            or not 0 <= self._missing <= 1
            or not 0 <= self._index < self.feature_count
            or self._argument < 0
        ):
            raise ModelRefused(
                f"{name}: a rule needs points of rising x with p within 0..1, and a feature within its vector; "
                "install offerhouse again"
            )
        self._x, self._p = points[:, 0], points[:, 1]

    def dense_batch(self, *columns: pa.Array | pa.ChunkedArray) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Features [N, K] or tokens [N, 50] of the rule's argument, and the mask [N] of rows to score."""
        column = columns[self._argument]
        return sequence_batch(column) if self._input == "tokens" else feature_batch(column, self.feature_count)

    def score(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Score rows; returns probabilities [rows] in 0..1, or classes [rows]."""
        values = (batch != 0).sum(axis=1) if self._input == "tokens" else batch[:, self._index]
        values = values.astype(np.float64)
        return np.where(np.isnan(values), self._missing, np.interp(values, self._x, self._p)).astype(self._type)

    def attribution(self, fast: bool) -> str:
        """The rule's own; see `udfs/reasons.py`."""
        return "exact"

    def explain(self, batch: NDArray[Any], fast: bool) -> NDArray[np.float64]:
        """Contributions [rows, K + 1] to the log-odds: all of it the rule's feature's, from the missing feature's as base value.

        Over tokens each event has the same part in their number.
        """
        base = float(logit(self._missing))
        added = logit(self.score(batch)) - base
        contributions = np.zeros((len(batch), self.feature_count + 1))
        if self._input == "tokens":
            events = batch != 0
            contributions[:, :-1] = events * (added / np.maximum(events.sum(axis=1), 1))[:, None]
        else:
            contributions[:, self._index] = added
        contributions[:, -1] = base
        return contributions
