"""Registers the SQL functions on a DuckDB connection, as vectorised Arrow functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from udfs.model_registry import MODELS_FOLDER, ModelRegistry
from udfs.scorer import score_column
from udfs.served_models import ServedModels

CONFIG_KEYS = ("interest", "models_folder")


def register_functions(connection: duckdb.DuckDBPyConnection, config: Mapping[str, Any] | None = None) -> None:
    """Register the SQL functions for every connection and cursor of `connection`'s database.

    - `purchase_intent(tokens INTEGER[]) -> FLOAT`: probability 0..1
    - `interest(features FLOAT[]) -> FLOAT`: probability 0..1
    - `serving_model(function VARCHAR) -> VARCHAR`: the registered model behind one of the two above
    - `model_version(name VARCHAR) -> VARCHAR`: first 12 hex digits of a registered model's SHA-256

    `config` may hold `interest` (`xgboost`, the default, or `linear`) and `models_folder` (the folder with
    registry.json, seen from the current directory; the shipped one by default). Models are loaded at the first
    call that needs them and then kept; registering again on the same connection starts afresh, with the registry
    as it then is.

    Raises ValueError for a config that can't be, or when another connection to the database registered the functions.
    """
    config = config or {}
    registry = ModelRegistry(Path(config.get("models_folder", MODELS_FOLDER)))
    models = ServedModels(registry, config.get("interest", "xgboost"))

    def score_with(function: str) -> Callable[[pa.ChunkedArray], pa.Array]:
        return lambda column: score_column(models.scorer(function), column)

    for name, function, argument, result in (
        ("purchase_intent", score_with("purchase_intent"), "INTEGER[]", "FLOAT"),
        ("interest", score_with("interest"), "FLOAT[]", "FLOAT"),
        ("serving_model", _per_value(models.serving_model), "VARCHAR", "VARCHAR"),
        ("model_version", _per_value(models.model_version), "VARCHAR", "VARCHAR"),
    ):
        _register(connection, name, function, argument, result)


def _register(
    connection: duckdb.DuckDBPyConnection, name: str, function: Callable[..., pa.Array], argument: str, result: str
) -> None:
    # The first registration has nothing to remove, and DuckDB offers no way to ask.
    with suppress(duckdb.InvalidInputException):
        connection.remove_function(name)
    try:
        # "special": NULLs reach the function, which says itself what they mean.
        connection.create_function(name, function, [argument], result, type="arrow", null_handling="special")
    except duckdb.CatalogException as error:
        raise ValueError(
            f"{name}: registered by another connection to this database, which alone can replace it; "
            "use that connection, or close it first"
        ) from error


def _per_value(function: Callable[[str], str]) -> Callable[[pa.ChunkedArray], pa.Array]:
    def apply(column: pa.ChunkedArray) -> pa.Array:
        values = column.to_pylist()
        results = {value: function(value) for value in set(values) - {None}}
        return pa.array([results.get(value) for value in values], type=pa.string())

    return apply
