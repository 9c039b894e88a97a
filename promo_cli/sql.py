"""`promo sql`: a query on the published database, which it can read and nothing else."""

import json
import re
import sys
from collections.abc import Iterator
from enum import StrEnum
from itertools import count
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any

import typer

from promo_cli.options import AsJson, Database, Quiet
from promo_cli.paths import database_path

if TYPE_CHECKING:
    import duckdb


class ResultFormat(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="One SQL query; - reads it from standard input.")],
    result_format: Annotated[ResultFormat | None, typer.Option("--format", help="How rows are printed [default: table].")] = None,
    database: Database = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run a query on the published database; builds may go on meanwhile.

    It can read the database and nothing else: no other file, no network, no setting. A table shows the first 1,000 rows;
    csv (RFC 4180, header; lists and the like as JSON), json (one object a line) and --json (one list of objects) print all of
    them. Money and other decimals are text in JSON, "2.50", to the last digit.
    """
    import duckdb

    from promo_cli.errors import USAGE_FAULT, PromoError
    from promo_cli.warehouse_reader import open_read_only, readable_database, tell_if_unpublished

    if as_json and result_format is not None:
        raise PromoError("--json is a format of its own; leave out --format", USAGE_FAULT)
    path = database_path(database)
    text = sys.stdin.read() if query == "-" else query
    with open_read_only(readable_database(path)) as connection:
        try:
            statements = connection.extract_statements(text)
            if len(statements) != 1:
                raise PromoError(f"give one query, not {len(statements)}", USAGE_FAULT)
            cursor = _answer(connection, statements[0])
            if as_json:
                _print_list(cursor)
            else:
                _PRINTERS[result_format or ResultFormat.TABLE](cursor)
        except (duckdb.OutOfMemoryException, duckdb.IOException):
            raise
        except duckdb.Error as error:
            raise PromoError(f"the query failed: {_reason(connection, error)}", USAGE_FAULT) from error
    tell_if_unpublished(path, quiet)


def _answer(connection: "duckdb.DuckDBPyConnection", statement: Any) -> "duckdb.DuckDBPyConnection":
    """The statement's result. Ctrl-C ends it at once; DuckDB by itself may not look for one before the query is done."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=1) as beside:
        running = beside.submit(connection.execute, statement)
        try:
            return running.result()
        except KeyboardInterrupt:
            connection.interrupt()
            raise


def _reason(connection: "duckdb.DuckDBPyConnection", error: Exception) -> str:
    """What the engine says of a query, with the name that was meant where one is like it."""
    from promo_cli.connectors.near_match import did_you_mean
    from promo_cli.errors import duckdb_reason
    from promo_cli.warehouse_reader import relations

    reason, text = duckdb_reason(error).rstrip("!."), str(error)
    if found := re.search(r"^Did you mean (.+)\?$", text, re.MULTILINE):
        meant = found[1].strip('"')
        return f"{reason} (did you mean {meant}?)"
    if found := re.search(r"^Candidate bindings: (.+)$", text, re.MULTILINE):
        known = found[1].replace('"', "")
        return f"{reason}; there are: {known}"
    if found := re.search(r'Table with name "([^"]+)" does not exist', text):
        return reason + did_you_mean(found[1], (".".join(name) for name in relations(connection)))
    return reason


def _print_table(cursor: "duckdb.DuckDBPyConnection") -> None:
    from promo_cli.errors import printable
    from promo_cli.tables import columns

    described = cursor.description or ()
    rows = [[printable(_cell(value)) for value in row] for row in cursor.fetchmany(1_001)]
    numbers = {place for place, column in enumerate(described) if str(column[1]).startswith(_NUMBERS)}
    for place in numbers:
        if str(described[place][1]) in ("FLOAT", "DOUBLE"):  # money keeps its cents
            _drop_needless_zeros(rows, place)
    typer.echo(columns([column[0] for column in described], rows[:1_000], right=numbers))
    if not rows:
        typer.echo("no rows", err=True)
    if len(rows) > 1_000:
        typer.echo("… more rows; --format csv prints all of them", err=True)


def _cell(value: Any) -> str:
    """A value as a table shows it: figures with thousands separators and, where computed, four decimals; nothing for null."""
    from decimal import Decimal

    if value is None:
        return ""
    if isinstance(value, bool | list | tuple | dict):
        return str(_csv_value(value))
    if isinstance(value, float):
        return f"{value:,.4f}" if 1e-3 <= abs(value) < 1e15 or value == 0 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int | Decimal) else str(value)


def _drop_needless_zeros(rows: list[list[str]], place: int) -> None:
    """Takes the decimals off a column of figures that are 0 in every row, so that it stays aligned."""
    figures = [row for row in rows if row[place]]
    while figures and all("." in row[place] and row[place][-1] in "0." and "e" not in row[place] for row in figures):
        for row in figures:
            row[place] = row[place][:-1]


_NUMBERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINY",
    "USMALL",
    "UINT",
    "UBIG",
    "UHUGE",
    "FLOAT",
    "DOUBLE",
    "DECIMAL",
)


def _print_csv(cursor: "duckdb.DuckDBPyConnection") -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([column[0] for column in cursor.description or ()])
    while rows := cursor.fetchmany(10_000):
        writer.writerows(map(_csv_value, row) for row in rows)


def _csv_value(value: Any) -> Any:
    """A value as a CSV cell: nothing for null, and JSON where it isn't one figure or text."""
    if isinstance(value, bool | list | tuple | dict):
        return json.dumps(_json_value(value), default=str, ensure_ascii=False)
    return "" if value is None else value


def _print_list(cursor: "duckdb.DuckDBPyConnection") -> None:
    opening = "["
    for row in _objects(cursor):
        typer.echo(opening + row, nl=False)
        opening = ",\n"
    typer.echo("]" if opening != "[" else "[]")


def _print_json(cursor: "duckdb.DuckDBPyConnection") -> None:
    for row in _objects(cursor):
        typer.echo(row)


def _objects(cursor: "duckdb.DuckDBPyConnection") -> Iterator[str]:
    """Each row as a JSON object; a column named as an earlier one is name_1 and so on."""
    written = [column[0] for column in cursor.description or ()]
    names: list[str] = []
    for name in written:
        numbered = (f"{name}_{number}" for number in count(1))
        names.append(name if name not in names else next(new for new in numbered if new not in {*written, *names}))
    while rows := cursor.fetchmany(10_000):
        for row in rows:
            told = dict(zip(names, map(_json_value, row), strict=True))
            yield json.dumps(told, default=str, ensure_ascii=False, allow_nan=False)


def _json_value(value: Any) -> Any:
    """A value as JSON has it: text for figures that are none, and for a map's keys."""
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(key): _json_value(of) for key, of in value.items()}
    return [_json_value(of) for of in value] if isinstance(value, list | tuple) else value


_PRINTERS = {ResultFormat.TABLE: _print_table, ResultFormat.CSV: _print_csv, ResultFormat.JSON: _print_json}
