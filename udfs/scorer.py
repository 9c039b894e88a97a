"""The one contract every scorer fulfils; those that tell reasons keep that of `udfs/reasons.py`, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.thread_pool import map_pieces


class Scorer(Protocol):
    """A model that turns the SQL values of a row into one score a row.

    Scorers are pure (no state changes after construction) and thread-safe: any number of threads may call
    one scorer at once. A row's score never depends on the rows beside it.
    """

    name: str
    """Name in the model registry."""

    piece_rows: int
    """Rows per call of `score` at which this model is fastest."""

    @property
    def dense_batch(self) -> Callable[..., tuple[NDArray[Any], NDArray[np.bool_]]]:
        """Method: turn Arrow columns of N lists, one an argument, into a dense batch [N, width] and a mask [N] of the rows
        to score.
        """
        ...

    def score(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Score a dense batch [rows, width], every row of it valid.

        Returns float32 [rows] (for most, probabilities in 0..1), int32 [rows] (a number of a class) or float32 [rows, M].
        """
        ...


def score_column(scorer: Scorer, *columns: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Score Arrow columns of N lists, one an argument of the SQL function, in pieces on the thread pool.

    Returns an Arrow array of N scores: float32, int32 or lists of float32, null where the row has nothing to score.
    """
    batch, valid = scorer.dense_batch(*columns)
    if valid.all():
        return _as_arrow(map_pieces(scorer.score, batch, scorer.piece_rows), None)
    found = map_pieces(scorer.score, batch[valid], scorer.piece_rows)
    scores = np.zeros((len(valid), *found.shape[1:]), dtype=found.dtype)
    scores[valid] = found
    return _as_arrow(scores, ~valid)


def _as_arrow(scores: NDArray[Any], missing: NDArray[np.bool_] | None) -> pa.Array:
    if scores.ndim == 1:
        return pa.array(scores, type=pa.int32() if np.issubdtype(scores.dtype, np.integer) else pa.float32(), mask=missing)
    return list_array(scores, missing)


def list_array(values: NDArray[Any], missing: NDArray[np.bool_] | None) -> pa.Array:
    """Numbers [N, M] as an Arrow array of N lists of float32, null where `missing` [N] is true."""
    rows, width = values.shape
    offsets = pa.array(np.arange(0, (rows + 1) * width, width, dtype=np.int32))
    flat = pa.array(values.reshape(-1), type=pa.float32())
    return pa.ListArray.from_arrays(offsets, flat, mask=None if missing is None else pa.array(missing))
