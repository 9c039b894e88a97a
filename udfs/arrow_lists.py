"""Arrow list columns as plain numpy: where each row's elements lie, with no copy and no loop over rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


class Lists(NamedTuple):
    """N lists over one array of elements: row i is `values[starts[i] : starts[i] + lengths[i]]`."""

    values: pa.Array
    starts: NDArray[Any]
    lengths: NDArray[Any]
    present: NDArray[np.bool_]
    """False where the whole list is NULL; such a row's start and length mean nothing."""

    def block(self, width: int) -> slice | None:
        """The slice of `values` that is already a dense [N, width] block, or None if the lists form no such block.

        Lists of these three types lie end to end, so equal lengths are enough. NULL elements are in it.
        """
        first = int(self.starts[0]) if len(self.starts) else 0
        if not self.present.all() or (self.lengths != width).any():
            return None
        return slice(first, first + width * len(self.starts))


def unpack_lists(column: pa.Array | pa.ChunkedArray) -> Lists:
    """Unpack a list, large_list or fixed_size_list column (chunked, sliced or neither); N may be 0.

    Raises TypeError for any other Arrow type.
    """
    array = _one_array(column)
    present = array.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_fixed_size_list(array.type):
        size = array.type.list_size
        # `values` of a sliced fixed_size_list still starts at the unsliced array's first row.
        starts = (array.offset + np.arange(len(array))) * size
        return Lists(array.values, starts, np.full(len(array), size), present)
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        offsets = array.offsets.to_numpy()
        return Lists(array.values, offsets[:-1], np.diff(offsets), present)
    raise TypeError(f"expected a list column, got {array.type}")


def _one_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    if not isinstance(column, pa.ChunkedArray):
        return column
    # DuckDB sends one chunk, which combine_chunks() would copy.
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
