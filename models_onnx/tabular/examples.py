"""Rows to learn from: feature vectors, labels and users of some as-of dates, read from the training database."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models_onnx.task import TrainingContext

MOST_TRAINING_ROWS = 1_500_000
"""Beyond this a sample of users stands for all; it is drawn by a hash of the user, so it is the same every time."""

_KNOWN = ("as_of_date", "user_id", "label", "features")


@dataclass(frozen=True)
class Part:
    """Rows of one part of the split. Raises ValueError when the shapes disagree or a label is neither 0 nor 1."""

    features: NDArray[np.float32]
    """[N, K], NaN where missing; an infinity is a division by nothing and becomes NaN, as in serving."""
    labels: NDArray[np.float32]
    """[N] of 0 and 1."""
    groups: NDArray[np.int64]
    """[N], number of the user: what the bootstrap draws."""
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)
    """[N] each: further named columns, for rules."""

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or self.labels.shape != (len(self.features),) or self.groups.shape != self.labels.shape:
            raise ValueError(
                "features, labels and groups must be [N, K], [N] and [N], not "
                f"{list(self.features.shape)}, {list(self.labels.shape)} and {list(self.groups.shape)}"
            )
        if not np.isin(self.labels, (0, 1)).all():
            raise ValueError("labels must be 0 or 1")
        if np.isinf(self.features).any():
            object.__setattr__(self, "features", np.where(np.isinf(self.features), np.float32(np.nan), self.features))


Parts = dict[str, Part]
"""By window: train, validation, test."""


def read_part(
    connection: duckdb.DuckDBPyConnection,
    examples_sql: str,
    dates: Sequence[date],
    most_rows: int | None = None,
) -> Part:
    """The rows of `examples_sql` at `dates`, in an order that depends on nothing but themselves.

    `examples_sql` is a select with the columns as_of_date, user_id, label (0, 1 or boolean) and features (a list of one
    width; null elements are missing) and further ones, which become `columns` (numbers as float64). With more than
    `most_rows` rows a sample of users is read. Raises ValueError when feature lists differ in width.
    """
    parameters: dict[str, Any] = {"dates": list(dates)}
    rows = f"(select * from ({examples_sql}) as examples where list_contains(cast($dates as date[]), as_of_date))"
    share = 1.0
    if most_rows is not None:
        (count,) = connection.execute(f"select count(*) from {rows} as examples", parameters).fetchall()[0]
        share = min(1.0, most_rows / max(count, 1))
    sampled = "" if share == 1.0 else f"where {user_share('user_id')} < {share!r}"
    names = [name for name, *_ in connection.execute(f"describe ({examples_sql})").fetchall()]
    further = [name for name in names if name not in _KNOWN]
    quoted = ", ".join(f'"{name}"' for name in further)
    order = ", ".join(filter(None, ["as_of_date", "user_id", quoted, "label", "features"]))
    table = connection.sql(
        f"""
        select
            features,
            cast(label as float) as label,
            dense_rank() over (order by user_id) - 1 as user_number,
            as_of_date
            {"," if quoted else ""} {quoted}
        from {rows} as examples
        {sampled}
        order by {order}
        """,
        params=parameters,
    ).to_arrow_table()
    columns = {name: _as_numpy(table[name]) for name in (*further, "as_of_date")}
    return Part(
        features=feature_matrix(table["features"]),
        labels=np.array(table["label"], dtype=np.float32),
        groups=np.array(table["user_number"], dtype=np.int64),
        columns=columns,
    )


def read_parts(
    context: TrainingContext, examples_sql: str, most_training_rows: int, train: Sequence[date] | None = None
) -> Parts:
    """Rows of train (a sample of users where they are very many), validation and test; `train`: dates for those of the split."""
    plan = (
        ("train", context.split.train if train is None else train, most_training_rows),
        ("validation", context.split.validation, None),
        ("test", context.split.test, None),
    )
    read: Parts = {}
    for number, (name, dates, most) in enumerate(plan):
        context.progress("reading", number, len(plan))
        read[name] = read_part(context.connection, examples_sql, dates, most)
    return read


def user_share(user: str) -> str:
    """SQL: a number in [0, 1) by the hash of the column `user`; `< 0.1` is the same tenth of the users every time."""
    return f"(cast('0x' || substr(md5(cast({user} as varchar)), 1, 8) as bigint) % 10000) / 10000.0"


def feature_matrix(column: pa.ChunkedArray) -> NDArray[np.float32]:
    """[N, K] of a column of N float lists, NaN where an element is null. ValueError when lists differ in width or are null."""
    lists = column.combine_chunks()
    if not len(lists):
        return np.empty((0, 0), dtype=np.float32)
    values = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    width, rest = divmod(len(values), len(lists))
    if rest or lists.null_count or any(length != width for length in lists.value_lengths().unique().to_pylist()):
        raise ValueError("features must be lists of one width, none of them null")
    return values.reshape(len(lists), width)


def _as_numpy(column: pa.ChunkedArray) -> NDArray[Any]:
    """Numbers and booleans as float64 with NaN for null, anything else as it comes."""
    if pa.types.is_decimal(column.type) or pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
        column = column.cast(pa.float64()) if not pa.types.is_boolean(column.type) else column.cast(pa.int8()).cast(pa.float64())
    if pa.types.is_floating(column.type):
        return np.array(column.to_numpy(), dtype=np.float64)
    return np.array(column.to_numpy())
