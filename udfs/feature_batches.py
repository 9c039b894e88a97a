"""Feature vectors: an Arrow column of float lists -> the dense [N, K] batch the interest models read."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.arrow_lists import unpack_lists


def feature_batch(column: pa.Array | pa.ChunkedArray, width: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Turn N float lists into features [N, width] (float32) and a mask [N] of the rows that can be scored.

    Not to be scored: a NULL list and a list of another length; their features are NaN. A NULL element is NaN
    (missing), and so is an infinity: it is a division by nothing, not a measurement, and no model was trained on one.

    Lists of `width` finite float32 features, lying end to end, are a view of the column: nothing is copied.
    """
    lists = unpack_lists(column)
    valid = lists.present & (lists.lengths == width)
    # to_numpy() makes NaN of NULL elements; without any it gives a view.
    values = lists.values.to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
    block = lists.block(width)
    if block is not None:
        features = values[block].reshape(-1, width)
    else:
        features = np.full((len(valid), width), np.nan, dtype=np.float32)
        features[valid] = values[lists.starts[valid, None] + np.arange(width)]
    infinite = np.isinf(features)
    if infinite.any():
        features = np.where(infinite, np.float32(np.nan), features)
    return features, valid
