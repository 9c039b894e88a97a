"""A foreign shop's tables by a mapping: one SQL select a table of the contract, over the shop's tables under `source`.

Lines of CSV files that can't be read go to shop.load_rejects, and rows that a mapping's filters leave out are counted in
shop.left_out: rows of the shop = rows loaded + lines rejected + rows left out, for every table whose SQL says `Rows: source.…`.
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from promo_cli.connectors.csv_header import check_encoding
from promo_cli.connectors.csv_rejects import forget_rejects, keep_rejects
from promo_cli.connectors.files import check_currency, check_timezone, tell_decimals
from promo_cli.connectors.near_match import did_you_mean, listed
from promo_cli.connectors.readability import refuse_unreadable_column
from promo_cli.connectors.shop_schema import Listener, Silence, TableLoad, count_rows, replacing_shop
from promo_cli.contract import Table, read_contract
from promo_cli.errors import DATA_FAULT, PromoError, duckdb_reason, resource_fault
from promo_cli.mapping.artefact import Mapping
from promo_cli.mapping.source import SourceTable, attach
from promo_cli.warehouse import quoted_name

FILTERED = "MAPPING"
"""The reason in shop.left_out of rows that the SQL of a mapping leaves out."""


def load(connection: duckdb.DuckDBPyConnection, mapping: Mapping, listener: Listener | None = None) -> list[TableLoad]:
    """Replaces schema `shop` by what the mapping makes of the shop's tables, all or nothing.

    Raises PromoError when the source isn't there, a file can't be read, an SQL file of the mapping doesn't run or lacks a column
    that is required, or no value of a column is of the contract's type; the shop of the previous load then stands.
    """
    listener = listener or Silence()
    contract = read_contract()
    check_encoding(mapping.source.encoding)
    check_timezone(connection, mapping.timezone)
    check_currency(mapping.currency)
    tell_decimals(mapping.currency, listener)
    if "events" not in mapping.sql and (
        missing := [name for name, table in contract.items() if table.required and name not in mapping.sql]
    ):
        raise PromoError(
            f"{mapping.folder} has no {listed(f'{name}.sql' for name in missing)}; add it, or an events.sql to stand in for it"
        )
    tables = {table.name: table for table in attach(connection, mapping.source)}
    try:
        _read_csv_once(connection, mapping, tables)
        settings = {
            "source": "mapped",
            "shop_timezone": mapping.timezone,
            "currency": mapping.currency,
            "loaded_files": json.dumps([path.name for table in tables.values() for path in table.files]),
        }
        loads = []
        with replacing_shop(connection, settings):
            unreadable = _keep_rejects(connection, mapping, tables)
            for name in mapping.sql:
                listener.started(name)
                loads.append(_load_table(connection, mapping, contract[name], unreadable.get(name, 0)))
                listener.finished(loads[-1])
            if all(load.rows == 0 for load in loads if contract[load.table].required or load.table == "events"):
                raise PromoError(
                    f"{mapping.source}: no order line, product or event comes out of {mapping.folder}; look at its .sql files"
                )
    finally:
        connection.execute("detach database if exists source")
        connection.execute("detach database if exists shop_file")
    return loads


def _read_csv_once(connection: duckdb.DuckDBPyConnection, mapping: Mapping, tables: dict[str, SourceTable]) -> None:
    """Makes tables of the CSV files that the mapping uses, so that each is read once; they spill to disk when memory ends."""
    forget_rejects(connection)
    for name, table in tables.items():
        if not table.is_csv or not any(mapping.uses(of_contract, name) for of_contract in mapping.sql):
            continue
        try:
            connection.execute(f"create table source.{quoted_name(name + ' once')} as {table.query}")
        except duckdb.Error as error:
            raise _file_fault(table, mapping.source.encoding, error) from error
        connection.execute(f"drop view source.{quoted_name(name)}")
        connection.execute(f"alter table source.{quoted_name(name + ' once')} rename to {quoted_name(name)}")


def _keep_rejects(connection: duckdb.DuckDBPyConnection, mapping: Mapping, tables: dict[str, SourceTable]) -> dict[str, int]:
    """Lines that couldn't be read, by table of the contract: each counts with the table that its file's rows become."""
    unreadable: dict[str, int] = {}
    for name, table in tables.items():
        users = [of_contract for of_contract in mapping.sql if mapping.uses(of_contract, name)]
        if table.is_csv and users:
            becomes = next((of_contract for of_contract in users if mapping.base_of(of_contract) == name), users[0])
            lines = keep_rejects(connection, becomes, mapping.source.encoding, table.files)
            unreadable[becomes] = unreadable.get(becomes, 0) + lines
    return unreadable


def _file_fault(table: SourceTable, encoding: str, error: duckdb.Error) -> Exception:
    if resource_fault(str(error)) or isinstance(
        error, duckdb.OutOfMemoryException | duckdb.IOException | duckdb.InterruptException
    ):
        return error
    place = listed(map(str, table.files), 3)
    if "encoded" in str(error):
        return PromoError(
            f"{place} is not {encoding} text; say --encoding latin-1, or convert it: iconv -f WINDOWS-1252 -t UTF-8"
        )
    return PromoError(f"{place} can't be read: {duckdb_reason(error)}")


def _load_table(connection: duckdb.DuckDBPyConnection, mapping: Mapping, table: Table, unreadable: int) -> TableLoad:
    file = mapping.folder / f"{table.name}.sql"
    relation = f"shop.{quoted_name(table.name)}"
    try:
        connection.execute(f"create table {relation} as\n{mapping.sql[table.name]}\n")
    except duckdb.Error as error:
        if resource_fault(str(error)):
            raise
        raise PromoError(f"{file}: {duckdb_reason(error)}", DATA_FAULT) from error
    _check_columns(connection, file, relation, table)
    rows = count_rows(connection, relation)
    if base := mapping.base_of(table.name):
        try:
            left_out = count_rows(connection, f"source.{quoted_name(base)}") - rows
        except duckdb.Error:
            raise PromoError(f"{file}: the line Rows: names {base}, which is no table of {mapping.source}") from None
        if left_out < 0:
            raise PromoError(
                f"{file} makes {rows:,} rows of {rows + left_out:,}: a join finds several rows for one; join a table by its key, "
                "or take the line Rows: out if that is meant"
            )
        if left_out:
            connection.execute("insert into shop.left_out values (?, ?, ?)", [table.name, FILTERED, left_out])
    return TableLoad(table.name, rows, unreadable)


def _check_columns(connection: duckdb.DuckDBPyConnection, file: Path, relation: str, table: Table) -> None:
    found = connection.sql(f"select * from {relation}").columns
    missing = [name for name in table.required_columns if name not in found]
    if missing:
        raise PromoError(f"{file} makes no column {listed(missing)}; add `… as {missing[0]}`")
    known = [column.name for column in table.columns]
    odd = [name for name in found if name not in known and not name.startswith("x_")]
    if odd:
        raise PromoError(
            f"{file}: {table.name} has no column {odd[0]}{did_you_mean(odd[0], known)}; "
            f"rename it, or to x_{odd[0]} to carry it along"
        )
    for column in table.columns:
        if column.name in found:
            refuse_unreadable_column(connection, relation, str(file), column)
