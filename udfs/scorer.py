"""The one contract every scorer fulfils."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.thread_pool import map_pieces


class Scorer(Protocol):
    """A model that turns one SQL value a row into one score a row.

    Scorers are pure (no state changes after construction) and thread-safe: any number of threads may call
    one scorer at once. A row's score never depends on the rows beside it.
    """

    name: str
    """Name in the model registry."""

    piece_rows: int
    """Rows per call of `score` at which this model is fastest."""

    def dense_batch(self, column: pa.Array | pa.ChunkedArray) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Turn an Arrow column of N lists into a dense batch [N, width] and a mask [N] of the rows to score."""
        ...

    def score(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Score a dense batch [rows, width], every row of it valid; returns probabilities [rows] in 0..1."""
        ...


def score_column(scorer: Scorer, column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Score an Arrow column of N lists in pieces on the thread pool.

    Returns a `float32` Arrow array of N probabilities in 0..1, null where the row has nothing to score.
    """
    batch, valid = scorer.dense_batch(column)
    if valid.all():
        return pa.array(map_pieces(scorer.score, batch, scorer.piece_rows), type=pa.float32())
    scores = np.zeros(len(valid), dtype=np.float32)
    scores[valid] = map_pieces(scorer.score, batch[valid], scorer.piece_rows)
    return pa.array(scores, type=pa.float32(), mask=~valid)
