"""Arrow columns -> dense batches: padding, truncation, NULLs, and every layout in which Arrow may deliver lists."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.feature_batches import feature_batch
from udfs.sequence_batches import sequence_batch

Tokens = list[int | None] | None
Features = list[float | None] | None


def expected_tokens(tokens: Tokens) -> list[int] | None:
    """The rules of `sequence_batch` for one row, spelt out."""
    if tokens is None:
        return None
    last = [0 if token is None else token for token in tokens[-50:]]
    if not any(last) or not all(0 <= token <= 9_999 for token in last):
        return None
    return [0] * (50 - len(last)) + last


def expected_features(features: Features, width: int) -> list[float] | None:
    """The rules of `feature_batch` for one row, spelt out."""
    if features is None or len(features) != width:
        return None
    return [np.nan if value is None or np.isinf(value) else value for value in features]


token = st.one_of(st.none(), st.sampled_from([-1, 0, 1, 9_999, 10_000]), st.integers(1, 9_999))
good_token = st.integers(1, 9_999)
length = st.one_of(st.sampled_from([0, 1, 49, 50, 51, 100]), st.integers(0, 120))
token_list = st.one_of(
    st.none(),
    length.flatmap(lambda n: st.lists(good_token, min_size=n, max_size=n)),
    length.flatmap(lambda n: st.lists(token, min_size=n, max_size=n)),
)
feature = st.one_of(st.none(), st.sampled_from([np.inf, -np.inf, np.nan, 0.0]), st.floats(width=32))
feature_list = st.one_of(st.none(), st.lists(feature, min_size=3, max_size=3), st.lists(feature, max_size=5))


@st.composite
def columns(draw: st.DrawFn, rows: st.SearchStrategy, element_types: list[pa.DataType]) -> tuple[list, pa.ChunkedArray]:
    """Rows, and the same rows as a column: list or large_list, in one or more chunks, each sliced out of more."""
    element = draw(st.sampled_from(element_types))
    type_ = draw(st.sampled_from([pa.list_, pa.large_list]))(element)
    chunks = draw(st.lists(st.tuples(*[st.lists(rows, max_size=4)] * 3), min_size=1, max_size=3))
    arrays = [
        pa.array([*before, *kept, *after], type=type_)[len(before) : len(before) + len(kept)] for before, kept, after in chunks
    ]
    return [row for _, kept, _ in chunks for row in kept], pa.chunked_array(arrays, type=type_)


def assert_batch(batch: np.ndarray, valid: np.ndarray, expected: list, width: int) -> None:
    assert batch.shape == (len(expected), width)
    assert valid.tolist() == [row is not None for row in expected]
    scored = [row for row in expected if row is not None]
    np.testing.assert_array_equal(batch[valid], np.array(scored, dtype=batch.dtype).reshape(-1, width))


@settings(max_examples=120, deadline=None)
@given(columns(token_list, [pa.int32(), pa.int64()]))
def test_sequences_in_any_layout(column: tuple[list[Tokens], pa.ChunkedArray]) -> None:
    rows, array = column
    batch, valid = sequence_batch(array)
    assert batch.dtype == np.int32
    assert_batch(batch, valid, [expected_tokens(row) for row in rows], 50)


@settings(max_examples=250, deadline=None)
@given(columns(feature_list, [pa.float32(), pa.float64()]))
def test_features_in_any_layout(column: tuple[list[Features], pa.ChunkedArray]) -> None:
    rows, array = column
    batch, valid = feature_batch(array, 3)
    assert batch.dtype == np.float32
    assert_batch(batch, valid, [expected_features(row, 3) for row in rows], 3)


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([7], [0] * 49 + [7]),
        ([7, 8, 9], [0] * 47 + [7, 8, 9]),
        ([0, 0, 7], [0] * 49 + [7]),
        (list(range(1, 51)), list(range(1, 51))),
        (list(range(1, 52)), list(range(2, 52))),
        ([20_000, *range(1, 51)], list(range(1, 51))),  # a token that is not kept is not read
        ([7, None, 9], [0] * 47 + [7, 0, 9]),
        ([None, *range(1, 50)], [0, *range(1, 50)]),
        ([0], None),
        ([0] * 50, None),
        ([None] * 50, None),
        ([], None),
        (None, None),
        ([1, 9_999], [0] * 48 + [1, 9_999]),
        ([1, 10_000], None),
        ([1, -1], None),
        ([1] * 49 + [10_000], None),
        ([-1] + [1] * 49, None),
    ],
)
@pytest.mark.parametrize("beside", [[], [list(range(100, 150))], [None], [[1] * 60], [[]]], ids=str)
def test_one_sequence_beside_another(tokens: Tokens, expected: list[int] | None, beside: list[Tokens]) -> None:
    for rows, position in (([tokens, *beside], 0), ([*beside, tokens], len(beside))):
        batch, valid = sequence_batch(pa.array(rows, type=pa.list_(pa.int32())))
        assert valid[position] == (expected is not None)
        if expected is not None:
            assert batch[position].tolist() == expected


@pytest.mark.parametrize("size", [1, 49, 50, 51])
@pytest.mark.parametrize("hole", [None, 2])
def test_sequences_of_fixed_size(size: int, hole: int | None) -> None:
    rows: list[Tokens] = [[10 * row + place for place in range(1, size + 1)] for row in range(6)]
    if hole is not None:
        rows[hole] = None
    array = pa.array(rows, type=pa.list_(pa.int32(), size))
    for start, stop in ((0, 6), (1, 5), (2, 3)):
        batch, valid = sequence_batch(array[start:stop])
        assert_batch(batch, valid, [expected_tokens(row) for row in rows[start:stop]], 50)


@pytest.mark.parametrize("hole", [None, 2])
def test_features_of_fixed_size(hole: int | None) -> None:
    rows: list[Features] = [[row, row + 0.5, None if row == 4 else 1.0] for row in range(6)]
    if hole is not None:
        rows[hole] = None
    array = pa.array(rows, type=pa.list_(pa.float32(), 3))
    for start, stop in ((0, 6), (1, 4), (2, 3)):
        batch, valid = feature_batch(array[start:stop], 3)
        assert_batch(batch, valid, [expected_features(row, 3) for row in rows[start:stop]], 3)


def test_values_beneath_a_null_list_are_not_read() -> None:
    # Arrow lets a NULL list cover elements; they belong to no row.
    offsets = pa.array([0, 50, 100], type=pa.int32())
    tokens = pa.array([2] * 50 + [3] * 50, type=pa.int32())
    covered = pa.ListArray.from_arrays(offsets, tokens, mask=pa.array([True, False]))
    batch, valid = sequence_batch(covered)
    assert valid.tolist() == [False, True]
    assert batch[1].tolist() == [3] * 50
    offsets = pa.array([0, 3, 6], type=pa.int32())
    covered = pa.ListArray.from_arrays(offsets, pa.array([1.0] * 6, pa.float32()), mask=pa.array([True, False]))
    _, valid = feature_batch(covered, 3)
    assert valid.tolist() == [False, True]


def test_tokens_too_big_for_int32_are_not_wrapped_into_range() -> None:
    _, valid = sequence_batch(pa.array([[2**32 + 5], [5]], type=pa.list_(pa.int64())))
    assert valid.tolist() == [False, True]


def test_full_sequences_are_not_copied() -> None:
    array = pa.array([[*range(row + 1, row + 51)] for row in range(8)], type=pa.list_(pa.int32()))
    for column in (array, array[3:], pa.chunked_array([array[2:5]])):
        batch, valid = sequence_batch(column)
        assert valid.all()
        assert np.shares_memory(batch, array.values.to_numpy())
        assert batch.tolist() == column.to_pylist()


def test_full_features_are_not_copied() -> None:
    array = pa.array([[row, 0.5, 1.0] for row in range(8)], type=pa.list_(pa.float32()))
    for column in (array, array[3:], pa.chunked_array([array[2:5]])):
        batch, valid = feature_batch(column, 3)
        assert valid.all()
        assert np.shares_memory(batch, array.values.to_numpy())
        assert batch.tolist() == column.to_pylist()


def test_a_column_without_lists_is_refused() -> None:
    with pytest.raises(TypeError, match="expected a list column, got int32"):
        sequence_batch(pa.array([1, 2], type=pa.int32()))
