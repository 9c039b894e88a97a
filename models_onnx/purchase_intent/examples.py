"""Rows to learn buying within a week from: tokens, window features, labels and users of some as-of dates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from models_onnx.purchase_intent.network import SEQUENCE_LENGTH
from models_onnx.purchase_intent.training import Examples
from models_onnx.tabular.examples import Part, feature_matrix, user_share
from models_onnx.time_split import TimeSplit

FEATURE_MODELS = ["purchase_intent_inputs", "purchase_intent_labels"]
"""The dbt models whose rows are learned from; the same that scoring reads."""

PAST_BUYERS = "labels.is_past_buyer"
"""Who is learned from: users seen buying before the as-of date."""

MOST_TRAINING_ROWS = 300_000
"""Beyond this a sample of users stands for all; it is drawn by a hash of the user, so it is the same every time."""

WINDOWS = ("validation", "test")


@dataclass(frozen=True)
class IntentPart:
    """Rows of one part of the split, ordered by as-of date and user."""

    examples: Examples
    windows: Part
    """The same rows: window features [N, K], labels [N], groups [N] (number of the user)."""
    names: list[str]
    """Of the K window features, in order."""

    @property
    def labels(self) -> NDArray[np.float32]:
        """[N] of 0 and 1."""
        return self.examples.labels

    @property
    def groups(self) -> NDArray[np.int64]:
        """[N], number of the user."""
        return self.windows.groups

    def column(self, name: str) -> NDArray[np.float64]:
        """One window feature [N]."""
        return self.windows.features[:, self.names.index(name)].astype(np.float64)


def window_names(dbt_vars: Mapping[str, Any]) -> list[str]:
    """Names of the window features in their order, from the var intent_windows; ValueError when there is none."""
    lists = dbt_vars.get("intent_windows")
    if not lists:
        raise ValueError("dbt_project.yml has no var intent_windows; install offerhouse again")
    return [name for names in lists.values() for name in names]


def read_parts(
    connection: duckdb.DuckDBPyConnection, split: TimeSplit, names: list[str], who: str = PAST_BUYERS
) -> dict[str, IntentPart]:
    """Train (a sample of users where they are very many), validation and test."""
    return {
        "train": read_part(connection, split.train, names, who, MOST_TRAINING_ROWS),
        "validation": read_part(connection, split.validation, names, who),
        "test": read_part(connection, split.test, names, who),
    }


def read_part(
    connection: duckdb.DuckDBPyConnection,
    dates: Sequence[date],
    names: list[str],
    who: str = PAST_BUYERS,
    most_rows: int | None = None,
) -> IntentPart:
    """The rows of purchase_intent_labels at `dates` for which the SQL condition `who` holds, with their inputs.

    Raises ValueError when the window features are not as many as `names`.
    """
    parameters = {"dates": list(dates)}
    rows = f"""
        from features.purchase_intent_labels as labels
        inner join features.purchase_intent_inputs as inputs
            on labels.as_of_date = inputs.as_of_date and labels.user_id = inputs.user_id
        where {who} and list_contains(cast($dates as date[]), labels.as_of_date)
    """
    if most_rows is not None:
        (count,) = connection.execute(f"select count(*) {rows}", parameters).fetchall()[0]
        if count > most_rows:
            rows += f" and {user_share('labels.user_id')} < {most_rows / count!r}"
    table = connection.sql(
        f"""
        select
            inputs.tokens,
            inputs.windows,
            cast(labels.is_buyer as float) as label,
            dense_rank() over (order by labels.user_id) - 1 as user_number
        {rows}
        order by labels.as_of_date, labels.user_id
        """,
        params=parameters,
    ).to_arrow_table()
    windows = feature_matrix(table["windows"])
    if not len(table):
        windows = np.empty((0, len(names)), dtype=np.float32)
    if windows.shape[1] != len(names):
        raise ValueError(f"rows have {windows.shape[1]} window features where {len(names)} are named")
    # Copies: Arrow's memory can't be written to, and torch wants memory that can.
    tokens = np.array(table["tokens"].combine_chunks().flatten().to_numpy()).reshape(-1, SEQUENCE_LENGTH)
    labels = np.array(table["label"].to_numpy(), dtype=np.float32)
    return IntentPart(
        examples=Examples(tokens, labels),
        windows=Part(windows, labels, np.array(table["user_number"].to_numpy(), dtype=np.int64)),
        names=names,
    )
