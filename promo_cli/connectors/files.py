"""A folder of CSV and Parquet files named after the tables of the source contract.

CSV is loaded as text, which staging casts; Parquet keeps its types. A CSV line that can't be parsed (too few or too
many columns, an open quote, over 2 MB) goes to shop.load_rejects: lines of a file = rows loaded + lines rejected.
A file in another encoding is refused, not guessed at: the error names --encoding.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from promo_cli.connectors.csv_header import check_encoding
from promo_cli.connectors.csv_rejects import forget_rejects, keep_rejects
from promo_cli.connectors.folder import find_table_files
from promo_cli.connectors.near_match import did_you_mean, listed
from promo_cli.connectors.readability import refuse_unreadable_column
from promo_cli.connectors.shop_schema import Listener, Silence, TableLoad, count_rows, replacing_shop
from promo_cli.connectors.source_file import SourceFile, is_parquet, source_file
from promo_cli.contract import Table, read_contract
from promo_cli.currencies import THREE_DECIMALS
from promo_cli.errors import USAGE_FAULT, PromoError, duckdb_reason
from promo_cli.warehouse import quoted_name


@dataclass(frozen=True)
class ShopFiles:
    """What a folder holds, checked as far as headers go."""

    folder: Path
    encoding: str
    tables: Mapping[str, tuple[SourceFile, ...]]
    notes: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The files, seen from the folder."""
        return [file.path.relative_to(self.folder).as_posix() for files in self.tables.values() for file in files]


def find_shop_files(folder: Path, encoding: str = "utf-8", is_whole: bool = True) -> ShopFiles:
    """The folder's files with their headers matched to the contract; loads nothing.

    Raises PromoError when the folder, a file or a header is at fault or, of a whole shop, a required table is missing, OSError
    when a file can't be opened.
    """
    check_encoding(encoding)
    contract = read_contract()
    paths, notes = find_table_files(folder, contract)
    missing = [table.name for table in contract.values() if table.required and table.name not in paths]
    if is_whole and missing and "events" not in paths:
        raise PromoError(
            f"{folder} holds no {listed(f'{name}.csv or {name}.parquet' for name in missing)}; add it, or an event log "
            f"events.csv to stand in for products and order_lines; found: {listed(paths)}"
            + "".join(f"; {note}" for note in notes[:3])
        )
    tables = {name: tuple(source_file(path, contract[name], encoding) for path in found) for name, found in paths.items()}
    notes += [
        f"{file.path.name}: columns ignored: {listed(file.match.ignored)}; a name that begins with x_ is kept"
        for files in tables.values()
        for file in files
        if file.match.ignored
    ]
    return ShopFiles(folder, encoding, tables, tuple(notes))


def load(
    connection: duckdb.DuckDBPyConnection,
    shop: ShopFiles,
    timezone: str = "UTC",
    currency: str | None = None,
    listener: Listener | None = None,
) -> list[TableLoad]:
    """Replaces schema `shop` by the files, all or nothing; unreadable lines are counted and kept in shop.load_rejects.

    Raises PromoError when a file can't be read, no value of a column is of the contract's type, a required table is
    empty, or the time zone or currency is unknown.
    """
    listener = listener or Silence()
    check_timezone(connection, timezone)
    check_currency(currency)
    tell_decimals(currency, listener)
    for note in shop.notes:
        listener.note(note)
    settings = {
        "source": "files",
        "shop_timezone": timezone,
        "currency": currency,
        "loaded_files": json.dumps(shop.names),
    }
    loads = []
    with replacing_shop(connection, settings):
        for name, files in shop.tables.items():
            listener.started(name)
            loads.append(_load_table(connection, read_contract()[name], files, shop.encoding))
            listener.finished(loads[-1])
        _refuse_empty(connection, shop, loads)
    return loads


def _load_table(connection: duckdb.DuckDBPyConnection, table: Table, files: tuple[SourceFile, ...], encoding: str) -> TableLoad:
    relation = f"shop.{quoted_name(table.name)}"
    place, unreadable = read_into(connection, relation, table.name, files, encoding)
    loaded = {name for file in files for _, name in file.match.taken}
    for column in table.columns:
        if column.name in loaded:
            refuse_unreadable_column(connection, relation, place, column)
    return TableLoad(table.name, count_rows(connection, relation), unreadable)


def read_into(
    connection: duckdb.DuckDBPyConnection, relation: str, table: str, files: tuple[SourceFile, ...], encoding: str
) -> tuple[str, int]:
    """Makes `relation` of a table's files; returns what to call them to people, and how many lines could not be read.

    Raises PromoError when a file is at fault.
    """
    place = str(files[0].path) if len(files) == 1 else f"{table} ({len(files)} files)"
    forget_rejects(connection)
    try:
        connection.execute(f"create table {relation} as " + "\nunion all by name\n".join(file.query for file in files))
    except duckdb.Error as error:
        fault = _file_fault(place, encoding, error)
        if fault is None:
            raise
        raise fault from error
    return place, 0 if is_parquet(files[0].path) else keep_rejects(connection, table, encoding)


def _file_fault(place: str, encoding: str, error: duckdb.Error) -> PromoError | None:
    """The error to tell when the file is at fault; None when it isn't."""
    text = str(error)
    if "encoded" in text:
        return PromoError(f"{place} is not {encoding} text; convert it to UTF-8, e.g. with iconv -f WINDOWS-1252 -t UTF-8")
    if "invalid state" in text:
        return PromoError(f"{place} mixes line endings (\\n and \\r\\n); make them one, e.g. with dos2unix")
    if "GZIP" in text:
        return PromoError(f"{place} is no whole gzip file ({duckdb_reason(error)}); write it again")
    if isinstance(error, duckdb.OutOfMemoryException | duckdb.IOException | duckdb.InterruptException):
        return None
    # what damage inside a Parquet file leads to may be an error of any kind
    return PromoError(f"{place} can't be read: {duckdb_reason(error)}")


def _refuse_empty(connection: duckdb.DuckDBPyConnection, shop: ShopFiles, loads: list[TableLoad]) -> None:
    """Raises PromoError when a required table has no rows and there are no events to stand in for it."""
    if any(load.table == "events" and load.rows for load in loads):
        return
    contract = read_contract()
    empty = next((load for load in loads if load.rows == 0 and contract[load.table].required), None)
    if empty is None and all(name in shop.tables for name, table in contract.items() if table.required):
        return
    empty = empty or next(load for load in loads if load.table == "events")
    place = listed((str(file.path) for file in shop.tables[empty.table]), 3)
    first = connection.execute(
        "select line_number, reason from shop.load_rejects where table_name = ? order by line_number limit 1",
        [empty.table],
    ).fetchone()
    if first is None:
        raise PromoError(f"{place} has a header and no rows; a shop needs rows in it, or events")
    reason = first[1].lower().replace("_", " ")
    raise PromoError(
        f"{place}: none of {empty.unreadable:,} lines can be read (line {first[0]}: {reason}); "
        "check its quotes and its number of columns"
    )


def check_currency(currency: str | None) -> None:
    """Raises PromoError (exit code 2) for what is no ISO 4217 code; None is no currency."""
    if currency is not None and not re.fullmatch("[A-Z]{3}", currency):
        raise PromoError(f"--currency {currency} is no ISO 4217 code; write e.g. EUR", USAGE_FAULT)


def tell_decimals(currency: str | None, listener: Listener) -> None:
    """Says so where the currency has more decimals than amounts are kept with."""
    if currency in THREE_DECIMALS:
        listener.note(f"amounts are kept to two decimals, and {currency} has three: the third is rounded away")


def check_timezone(connection: duckdb.DuckDBPyConnection, timezone: str) -> None:
    """Raises PromoError (exit code 2) for a zone that DuckDB doesn't know."""
    zones = {row[0].lower(): row[0] for row in connection.execute("select name from pg_timezone_names()").fetchall()}
    if timezone not in zones.values():
        guess = zones.get(timezone.lower())
        hint = f" (did you mean {guess}?)" if guess else did_you_mean(timezone, zones.values())
        raise PromoError(f"--timezone {timezone} is not known{hint}; give an IANA name, e.g. Europe/Berlin", USAGE_FAULT)
