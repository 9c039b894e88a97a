"""A blend: several models' probabilities mixed on the logit scale and calibrated; its file pins its members' hashes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.log_odds import logit, sigmoid
from udfs.model_registry import ModelRefused
from udfs.reasons import explainer, weakest
from udfs.scorer import Scorer


class BlendedScorer:
    """score = σ(slope · Σ weight · logit(p of the member) + intercept).

    Members read the function's argument of their number (`argument`, 0 unless told). The dense batch holds the arguments
    side by side as float32, in which tokens up to 16 million are exact.
    """

    reads_members = True

    def __init__(self, name: str, content: bytes, member: Callable[[str, str, str], Scorer]) -> None:
        """Read `content`, JSON {"members": [{"file", "sha256", "kind", "weight"[, "argument"]}], "slope", "intercept"}.

        `member(file, sha256, kind)` loads the file of that name beside the blend once it has proved to be the pinned one.
        Raises ModelRefused when the JSON is anything else or a member is refused.
        """
        self.name = name
        try:
            blend = json.loads(content)
            self._slope, self._intercept = float(blend["slope"]), float(blend["intercept"])
            lines = [
                (str(line["file"]), str(line["sha256"]), str(line["kind"]), float(line["weight"]), int(line.get("argument", 0)))
                for line in blend["members"]
            ]
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise ModelRefused(
                f"{name}: a blend must be JSON with members (file, sha256, kind, weight), slope and intercept "
                f"({type(error).__name__}: {error}); train it again"
            ) from error
        numbers = [self._slope, self._intercept, *(weight for *_, weight, _ in lines)]
        arguments = sorted({argument for *_, argument in lines})
        if not lines or not all(map(math.isfinite, numbers)) or arguments != list(range(len(arguments))):
            raise ModelRefused(f"{name}: a blend needs members, finite numbers and arguments counted from 0; train it again")
        self._members = [(member(file, sha256, kind), weight, argument) for file, sha256, kind, weight, argument in lines]
        self._readers = [next(part for part, _, place in self._members if place == argument) for argument in arguments]
        self._widths = [_width(reader, self.name) for reader in self._readers]
        for part, _, argument in self._members:
            if _width(part, self.name) != self._widths[argument]:
                raise ModelRefused(f"{name}: members of the blend read vectors of different lengths; train it again")
        self._starts = np.concatenate(([0], np.cumsum(self._widths)))
        self.feature_count = self._widths[0] if len(self._widths) == 1 else None
        self.piece_rows = min(part.piece_rows for part, _, _ in self._members)

    def dense_batch(self, *columns: pa.Array | pa.ChunkedArray) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """The arguments' dense batches side by side, [N, sum of widths], and the mask [N] of rows valid in all of them."""
        batches = [reader.dense_batch(column) for reader, column in zip(self._readers, columns, strict=True)]
        if len(batches) == 1:
            return batches[0]
        valid = np.logical_and.reduce([mask for _, mask in batches])
        return np.column_stack([batch.astype(np.float32, copy=False) for batch, _ in batches]), valid

    def score(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Score rows of `dense_batch`; returns probabilities [rows] in 0..1."""
        total = np.zeros(len(batch))
        for part, weight, argument in self._members:
            if not weight:  # it only says which rows can be scored
                continue
            values = batch
            if len(self._widths) > 1:
                values = np.ascontiguousarray(batch[:, self._starts[argument] : self._starts[argument + 1]])
            total += weight * logit(part.score(values))
        return sigmoid(self._slope * total + self._intercept).astype(np.float32)

    def attribution(self, fast: bool) -> str:
        """The least strict among its members that count; see `udfs/reasons.py`."""
        return weakest(explainer(part).attribution(fast) for part, weight, _ in self._members if weight)

    def explain(self, batch: NDArray[Any], fast: bool) -> NDArray[np.float64]:
        """Contributions [rows, width + 1] to the calibrated log-odds, slope · Σ weight · member + intercept, then the base."""
        contributions = np.zeros((len(batch), int(self._starts[-1]) + 1))
        contributions[:, -1] = self._intercept
        for part, weight, argument in self._members:
            if not weight:
                continue
            start, end = int(self._starts[argument]), int(self._starts[argument + 1])
            found = _within_reach(explainer(part).explain(np.ascontiguousarray(batch[:, start:end]), fast))
            contributions[:, start:end] += self._slope * weight * found[:, :-1]
            contributions[:, -1] += self._slope * weight * found[:, -1]
        return contributions


def _within_reach(contributions: NDArray[np.float64]) -> NDArray[np.float64]:
    """A member's contributions [rows, K + 1], summing to log-odds no further out than `score` keeps them."""
    farthest = float(logit(1.0))
    base, margin = contributions[:, -1], contributions.sum(axis=1)
    beyond = (abs(margin) > farthest) & (abs(base) < farthest)
    share = np.where(beyond, (np.clip(margin, -farthest, farthest) - base) / np.where(beyond, margin - base, 1.0), 1.0)
    return np.column_stack([contributions[:, :-1] * share[:, None], base])


def _width(scorer: Scorer, name: str) -> int:
    width = getattr(scorer, "feature_count", None)
    if width is None:
        raise ModelRefused(f"{name}: {type(scorer).__name__} can't be a member of a blend; train it again")
    return int(width)
