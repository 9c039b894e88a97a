"""Event sequences: an Arrow column of token lists -> the dense [N, 50] batch the purchase-intent model reads.

Tokens run oldest first, newest last; 0 is the pad and stands at the left.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from udfs.arrow_lists import unpack_lists

SEQUENCE_LENGTH = 50
"""Events the model looks back on, as in the founding article's network."""

VOCABULARY_SIZE = 10_000
"""Tokens are 0..9999, 0 being the pad: the article's Embedding(10000, 64)."""


def sequence_batch(column: pa.Array | pa.ChunkedArray) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Turn N integer lists into tokens [N, 50] (int32) and a mask [N] of the rows that can be scored.

    Shorter lists are padded with 0 at the left, of longer ones the last 50 tokens are kept, and a NULL token
    is a pad. Not to be scored: a NULL list; a list without any event (empty, or nothing but pads); a list with a
    token outside 0..9999 among those kept.

    Lists of exactly 50 int32 tokens without NULLs, lying end to end, are a view of the column: nothing is copied.
    """
    lists = unpack_lists(column)
    block = lists.block(SEQUENCE_LENGTH)
    if block is not None and not lists.values.null_count:
        tokens = lists.values.to_numpy()[block].reshape(-1, SEQUENCE_LENGTH)
    else:
        values = pc.fill_null(lists.values, 0).to_numpy()
        # Places count from a list's end: -1 is its last token, -50 the first one kept.
        places = np.arange(SEQUENCE_LENGTH) - SEQUENCE_LENGTH
        filled = places >= -np.where(lists.present, lists.lengths, 0)[:, None]
        ends = lists.starts + lists.lengths
        tokens = np.zeros(filled.shape, dtype=values.dtype)
        tokens[filled] = values[(ends[:, None] + places)[filled]]
    known = (tokens >= 0) & (tokens < VOCABULARY_SIZE)
    # A row without any event is all zeros, so `any` turns down NULL, empty and all-pad lists alike.
    return tokens.astype(np.int32, copy=False), known.all(axis=1) & tokens.any(axis=1)
