"""Registers the SQL functions on a DuckDB connection, as vectorised Arrow functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from udfs.behaviour_cluster import CLUSTER_NAMES_TYPE, cluster_names
from udfs.model_records import ModelRecords, record_functions
from udfs.model_registry import MODELS_FOLDER, ModelRegistry
from udfs.pseudonyms import privacy_functions
from udfs.reasons import explain_column, explainer
from udfs.scorer import score_column
from udfs.served_models import ServedModels
from udfs.sql_functions import SQL_FUNCTIONS, SqlFunction
from udfs.topics import TOPIC_WORDS_TYPE, topic_words

CONFIG_KEYS = (*(function.name for function in SQL_FUNCTIONS if function.models), "models_folder")


def register_functions(
    connection: duckdb.DuckDBPyConnection, config: Mapping[str, Any] | None = None, secret: bytes | None = None
) -> None:
    """Register the SQL functions for every connection and cursor of `connection`'s database.

    - those of `udfs/sql_functions.py`: lists in, a score out, NULL where there is nothing to score
    - `<score>_reasons(...)` of the same arguments: contributions to its margin as FLOAT[], the base value last (udfs/reasons.py);
      `<score>_reasons_fast(...)` may approximate them, and `reasons_method(VARCHAR)` says how either comes by them
    - `serving_model(function VARCHAR) -> VARCHAR`: the registered model behind one of them, `<name> (rule)` for a rule
    - `model_version(name VARCHAR) -> VARCHAR`: first 12 hex digits of a registered model's SHA-256
    - `topic_words(function VARCHAR)`: the top words of the topic model behind one of them, a list of structs
    - `cluster_names(function VARCHAR)`: the clusters of the model behind one of them, a list of structs
    - `registered_models(name VARCHAR)` and its like in `udfs/model_records.py`: lists of structs from the models' cards
    - `pseudonym(user VARCHAR)` and its like in `udfs/pseudonyms.py`, which keep the `secret` to themselves

    `config` may hold a choice for each function that has several models (`interest`: `xgboost`, the default, or `linear`)
    and `models_folder` (the folder with registry.json, seen from the current directory; the shipped one by default or
    when empty). Models are loaded at the first call that needs them and then kept; registering again on the same
    connection starts afresh, with the registry as it then is.

    Raises ValueError for a config that can't be, or when another connection to the database registered the functions.
    """
    config = config or {}
    registry = ModelRegistry(Path(config.get("models_folder") or MODELS_FOLDER))
    models = ServedModels(registry, {key: str(config[key]) for key in CONFIG_KEYS if key in config})

    for function in SQL_FUNCTIONS:
        _register(connection, function.name, _score_with(models, function), list(function.arguments), function.result)
        for name, fast in function.reasons.items():
            _register(connection, name, _explain_with(models, function, fast), list(function.arguments), "FLOAT[]")
    _register(connection, "reasons_method", _per_value(partial(_reasons_method, models)), ["VARCHAR"], "VARCHAR")
    _register(connection, "serving_model", _per_value(models.serving_model), ["VARCHAR"], "VARCHAR")
    _register(connection, "model_version", _per_value(models.model_version), ["VARCHAR"], "VARCHAR")
    _register(connection, "topic_words", topic_words(models.scorer), ["VARCHAR"], TOPIC_WORDS_TYPE)
    _register(connection, "cluster_names", cluster_names(models.scorer), ["VARCHAR"], CLUSTER_NAMES_TYPE)
    for records in record_functions(ModelRecords(registry)):
        _register(connection, records.name, records.apply, ["VARCHAR"], records.result)
    for name, function_of_privacy, arguments in privacy_functions(secret):
        _register(connection, name, function_of_privacy, arguments, "VARCHAR")


def _score_with(models: ServedModels, function: SqlFunction) -> Callable[..., pa.Array]:
    def score(*columns: pa.ChunkedArray) -> pa.Array:
        return score_column(models.scorer(function.name), *columns)

    return _declaring(score, len(function.arguments))


def _explain_with(models: ServedModels, function: SqlFunction, fast: bool) -> Callable[..., pa.Array]:
    def explain(*columns: pa.ChunkedArray) -> pa.Array:
        return explain_column(models.scorer(function.name), fast, *columns)

    return _declaring(explain, len(function.arguments))


def _declaring(apply: Callable[..., pa.Array], arguments: int) -> Callable[..., pa.Array]:
    """`apply` with so many parameters declared: DuckDB counts them."""
    names = [f"argument_{place}" for place in range(arguments)]
    apply.__signature__ = Signature([Parameter(name, Parameter.POSITIONAL_ONLY) for name in names])  # type: ignore[attr-defined]
    return apply


def _reasons_method(models: ServedModels, name: str) -> str:
    for function in SQL_FUNCTIONS:
        if name in function.reasons:
            return explainer(models.scorer(function.name)).attribution(function.reasons[name])
    raise ValueError(f"{name}: no such function tells reasons")


def _register(
    connection: duckdb.DuckDBPyConnection, name: str, function: Callable[..., pa.Array], arguments: list[str], result: str
) -> None:
    # The first registration has nothing to remove, and DuckDB offers no way to ask.
    with suppress(duckdb.InvalidInputException):
        connection.remove_function(name)
    try:
        # "special": NULLs reach the function, which says itself what they mean.
        connection.create_function(name, function, arguments, result, type="arrow", null_handling="special")
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
