"""Scorers whose results are no probability: the number of a class, and several numbers a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.feature_batches import feature_batch


class NumberedScorer:
    """The place of the largest of two features, counted from 0."""

    piece_rows = 2

    def __init__(self, name: str, content: bytes) -> None:
        self.name = name

    def dense_batch(self, column: pa.Array | pa.ChunkedArray) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        return feature_batch(column, 2)

    def score(self, batch: NDArray[Any]) -> NDArray[np.int32]:
        return batch.argmax(axis=1).astype(np.int32)


class ThriceScorer(NumberedScorer):
    """Two features times three."""

    def score(self, batch: NDArray[Any]) -> NDArray[Any]:
        return 3 * batch
