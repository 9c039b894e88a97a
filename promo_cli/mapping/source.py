"""A shop's own tables, wherever they are, under one roof: every one of them can be queried as source.<name>.

A folder of CSV, Parquet and JSON files, a DuckDB file, a schema of the working database itself, or Postgres through DuckDB's
extension. Nothing is ever written there: files are read, databases are attached read-only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import duckdb

from promo_cli.connectors.csv_header import read_header, refuse_bomb
from promo_cli.connectors.near_match import listed
from promo_cli.connectors.source_file import csv_scan, parquet_columns, path_literal, refuse_empty
from promo_cli.errors import DATA_FAULT, ENVIRONMENT_FAULT, USAGE_FAULT, PromoError, duckdb_reason
from promo_cli.warehouse import SCHEMAS, quoted_name

Kind = Literal["files", "duckdb", "warehouse", "postgres"]
CSV, JSON, PARQUET = (".csv", ".tsv", ".txt"), (".json", ".jsonl", ".ndjson"), (".parquet",)
LONGEST_JSON = 16_000_000  # bytes of one object


@dataclass(frozen=True)
class Source:
    """Where a shop's tables are. `place`: the folder, the file, or the name of the environment variable with Postgres' URL."""

    kind: Kind
    place: str
    schema: str | None = None
    encoding: str = "utf-8"

    def __str__(self) -> str:
        return f"Postgres (${self.place})" if self.kind == "postgres" else self.place


@dataclass(frozen=True)
class SourceTable:
    """A table of the shop: its name under `source`, the query that reads it, and its files if it is made of any."""

    name: str
    query: str
    files: tuple[Path, ...] = ()
    schema: str | None = None

    @property
    def is_csv(self) -> bool:
        """Whether lines of it may be unreadable."""
        return bool(self.files) and _suffix(self.files[0]) in CSV


def attach(connection: duckdb.DuckDBPyConnection, source: Source) -> list[SourceTable]:
    """Make every table of `source` a view source.<name> on `connection`; the tables, by name.

    Raises PromoError when there is nothing there, it can't be read, or the extension for Postgres can't be loaded; the URL of a
    database is in no message.
    """
    tables = {"files": _files, "duckdb": _duckdb, "warehouse": _warehouse, "postgres": _postgres}[source.kind](connection, source)
    connection.execute("attach ':memory:' as source")
    for table in tables:
        try:
            connection.execute(f"create view source.{quoted_name(table.name)} as {table.query}")
        except duckdb.Error as error:
            place = listed(map(str, table.files), 3) or table.name
            raise PromoError(f"{place} can't be read: {duckdb_reason(error)}", DATA_FAULT) from error
    return sorted(tables, key=lambda table: table.name)


@cache
def plain_name(text: str) -> str:
    """A name in lower case with underscores: camelCase, spaces and signs become them."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text.strip())
    return re.sub(r"\W+", "_", parted, flags=re.UNICODE).strip("_").lower() or "unnamed"


def _suffix(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    return next((suffix for suffix in (*CSV, *JSON, *PARQUET) if name.endswith(suffix)), "")


def _files(_: duckdb.DuckDBPyConnection, source: Source) -> list[SourceTable]:
    folder = Path(source.place)
    if not folder.is_dir():
        raise PromoError(
            f"there is no folder {folder}; give the folder that holds the shop's CSV, Parquet or JSON files", USAGE_FAULT
        )
    parts: dict[str, list[Path]] = {}
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith((".", "_")):
            continue
        for path in _parts_in(entry) if entry.is_dir() else [entry]:
            if path.is_file() and _suffix(path):
                parts.setdefault(plain_name(entry.name) if entry.is_dir() else _table_of(path), []).append(path)
    if not parts:
        raise PromoError(f"{folder} holds no .csv, .parquet or .json file; give the folder that holds the shop's files")
    return [_table_of_files(name, paths, source.encoding) for name, paths in parts.items()]


def _parts_in(folder: Path) -> list[Path]:
    """Whatever lies in a table's folder, also in folders by month; what begins with . or _ is no part, such as _SUCCESS."""
    return sorted(
        path for path in folder.rglob("*") if not any(name.startswith((".", "_")) for name in path.relative_to(folder).parts)
    )


def _table_of(path: Path) -> str:
    """orders_1.csv and orders_2024-02.csv are parts of orders."""
    stem = path.name[: path.name.lower().rindex(_suffix(path))]
    return plain_name(re.sub(r"[_-][0-9][0-9_-]*$", "", stem) or stem)


def _table_of_files(name: str, paths: list[Path], encoding: str) -> SourceTable:
    kinds = {_family(path) for path in paths}
    if len(kinds) > 1:
        raise PromoError(f"{name} stands in files of several kinds ({listed((path.name for path in paths), 6)}); keep one kind")
    readers = {CSV: _csv_query, PARQUET: _parquet_query, JSON: _json_query}
    reader = readers[kinds.pop()]
    for path in paths:
        refuse_empty(path)
    query = "\nunion all by name\n".join(reader(path, encoding) for path in paths)
    if reader is not _json_query:
        _refuse_unlike(name, paths, encoding)
    return SourceTable(name, query, tuple(paths))


def _refuse_unlike(name: str, paths: list[Path], encoding: str) -> None:
    """Parts have columns in common; the tables in a folder of several have few. Raises PromoError."""
    first: set[str] | None = None
    for path in paths:
        found = parquet_columns(path) if _family(path) == PARQUET else read_header(path, encoding)[0]
        columns = {plain_name(column) for column in found}
        first = first or columns
        if len(columns & first) < min(len(columns), len(first)) / 2:
            raise PromoError(
                f"{paths[0]} and {path} would be parts of one table, {name}, and have other columns; give the folder in which "
                "each table has a file, or a folder, of its own",
                USAGE_FAULT,
            )


def _family(path: Path) -> tuple[str, ...]:
    return next(family for family in (CSV, PARQUET, JSON) if _suffix(path) in family)


def _csv_query(path: Path, encoding: str) -> str:
    if path.name.lower().endswith(".gz"):
        refuse_bomb(path)
    header, delimiter = read_header(path, encoding)
    names = _distinct_names(header)
    selected = ", ".join(f"c{at} as {quoted_name(name)}" for at, name in enumerate(names))
    return f"select {selected} from {csv_scan(path, len(header), delimiter, encoding)}"


def _distinct_names(header: Iterable[str]) -> list[str]:
    """The header's names; an empty or a second one of its kind bears its number."""
    names: list[str] = []
    for at, name in enumerate(header, 1):
        wanted = name.strip() or f"column_{at}"
        taken = {known.lower() for known in names}
        names.append(wanted if wanted.lower() not in taken else f"{wanted}_{at}")
    return names


def _parquet_query(path: Path, _: str) -> str:
    parquet_columns(path)
    return f"select * from read_parquet({path_literal(path)})"


def _json_query(path: Path, _: str) -> str:
    """Objects inside an object are parted into columns outer_inner."""
    scan = f"read_json({path_literal(path)}, maximum_object_size = {LONGEST_JSON}, sample_size = -1)"
    try:
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            described = connection.sql(f"select * from {scan}")
            expressions = [
                parted
                for name, data_type in zip(described.columns, described.types, strict=True)
                for parted in _parted(quoted_name(name), name, data_type)
            ]
    except duckdb.Error as error:
        raise PromoError(
            f"{path} can't be read as JSON: {duckdb_reason(error)}; write one object a line, or a list of them"
        ) from error
    return f"select {', '.join(expressions)} from {scan}"


def _parted(expression: str, name: str, data_type: duckdb.DuckDBPyType) -> list[str]:
    if data_type.id != "struct":
        return [f"{expression} as {quoted_name(name)}"]
    return [
        parted
        for inner, inner_type in data_type.children
        for parted in _parted(f"{expression}.{quoted_name(inner)}", f"{name}_{inner}", inner_type)
    ]


def _duckdb(connection: duckdb.DuckDBPyConnection, source: Source) -> list[SourceTable]:
    path = Path(source.place)
    if not path.is_file():
        raise PromoError(f"there is no DuckDB file {path}", USAGE_FAULT)
    try:
        connection.execute("attach $path as shop_file (read_only)", {"path": str(path)})
    except duckdb.Error as error:
        if "Could not set lock" in str(error):
            raise PromoError(
                f"{path} is open for writing in another process; close it and run again", ENVIRONMENT_FAULT
            ) from error
        raise PromoError(f"{path} can't be opened as a DuckDB database: {duckdb_reason(error)}", ENVIRONMENT_FAULT) from error
    return _tables_in(connection, "shop_file", source, own_schemas=False)


def _warehouse(connection: duckdb.DuckDBPyConnection, source: Source) -> list[SourceTable]:
    here = connection.execute("select current_database()").fetchall()[0][0]
    return _tables_in(connection, str(here), source, own_schemas=True)


def _postgres(connection: duckdb.DuckDBPyConnection, source: Source) -> list[SourceTable]:
    url = os.environ.get(source.place)
    if not url:
        raise PromoError(f"the environment variable {source.place} is empty; set it to the shop's postgresql:// URL", USAGE_FAULT)
    try:
        _load_postgres(connection)
    except duckdb.Error:
        raise PromoError(
            "DuckDB's extension postgres can't be loaded here: run `install postgres` in a DuckDB of this version once where "
            "there is a network, or export the tables as Parquet and run promo init --files FOLDER",
            ENVIRONMENT_FAULT,
        ) from None
    try:
        connection.execute("attach $url as shop_file (type postgres, read_only)", {"url": url})
    except duckdb.Error:  # its words may hold the URL, and with it the password
        raise PromoError(
            f"Postgres doesn't answer to the URL in ${source.place}: try it with psql; the URL is postgresql://user:password@host/database",
            ENVIRONMENT_FAULT,
        ) from None
    return _tables_in(connection, "shop_file", source, own_schemas=False)


def _load_postgres(connection: duckdb.DuckDBPyConnection) -> None:
    """Loads the extension, and fetches it where it isn't installed and there is a network. Raises duckdb.Error."""
    try:
        connection.execute("load postgres")
    except duckdb.Error:
        connection.execute("install postgres")
        connection.execute("load postgres")


def _tables_in(connection: duckdb.DuckDBPyConnection, database: str, source: Source, own_schemas: bool) -> list[SourceTable]:
    found = connection.execute(
        "select table_schema, table_name from information_schema.tables "
        "where table_catalog = $database and table_schema not in ('information_schema', 'pg_catalog') order by all",
        {"database": database},
    ).fetchall()
    by_schema: dict[str, list[str]] = {}
    for schema, table in found:
        if schema.lower() in ("main", *(() if own_schemas else ("shop",))) or schema.lower() not in SCHEMAS:
            by_schema.setdefault(schema, []).append(table)
    schema = _chosen_schema(source, by_schema)
    return [
        SourceTable(name, f"select * from {quoted_name(database)}.{quoted_name(schema)}.{quoted_name(name)}", schema=schema)
        for name in by_schema[schema]
    ]


def _chosen_schema(source: Source, by_schema: dict[str, list[str]]) -> str:
    if source.schema:
        if source.schema not in by_schema:
            raise PromoError(
                f"{source} has no schema {source.schema} with tables; it has {listed(by_schema) or 'none'}", USAGE_FAULT
            )
        return source.schema
    if not by_schema:
        raise PromoError(f"{source} holds no tables of a shop")
    if len(by_schema) == 1:
        return next(iter(by_schema))
    raise PromoError(f"{source} has tables in several schemas; name one with --schema: {listed(by_schema)}", USAGE_FAULT)
