"""One CSV or Parquet file: its columns matched to the contract, and the SQL that reads them."""

import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

from promo_cli.connectors.columns import Match, match_columns
from promo_cli.connectors.csv_header import read_header, refuse_bomb
from promo_cli.connectors.readability import FRACTIONS, text_value
from promo_cli.contract import TEXT_TYPES, Table
from promo_cli.errors import PromoError, duckdb_reason
from promo_cli.warehouse import quoted_name, quoted_text

LARGEST_CLAIM, MOST_ROWS_A_BYTE = 10_000_000, 10
"""Rows that a Parquet file may claim to hold: a key alone takes more than a tenth of a byte."""


@dataclass(frozen=True)
class SourceFile:
    """A file, its columns to load, and the SQL that reads them."""

    path: Path
    match: Match
    query: str


def source_file(path: Path, table: Table, encoding: str) -> SourceFile:
    """Reads the header (CSV, in `encoding`) or the schema (Parquet) of a file of `table`.

    Raises PromoError when the file is empty, damaged, or lacks a required column, OSError when it can't be opened.
    """
    refuse_empty(path)
    if is_parquet(path):
        kinds = parquet_columns(path)
        columns = list(kinds)
        match = match_columns(path, columns, table)
        scan = f"read_parquet({path_literal(path)})"
        texts = {column.name for column in table.columns if column.data_type in TEXT_TYPES}
        expressions = [
            text_value(quoted_name(columns[at]), kinds[columns[at]])
            if name in texts and kinds[columns[at]].startswith(FRACTIONS)
            else quoted_name(columns[at])
            for at, name in match.taken
        ]
    else:
        if path.suffix.lower() == ".gz":
            refuse_bomb(path)
        columns, delimiter = read_header(path, encoding)
        match = match_columns(path, columns, table)
        # columns go by position, so that no header can upset the reader
        expressions = [f"c{at}" for at, _ in match.taken]
        scan = csv_scan(path, len(columns), delimiter, encoding)
    selected = ", ".join(
        f"{expression} as {quoted_name(name)}" for expression, (_, name) in zip(expressions, match.taken, strict=True)
    )
    return SourceFile(path, match, f"select {selected} from {scan}")


def refuse_empty(path: Path) -> None:
    """Raises PromoError for a file of 0 bytes, OSError when it can't be looked at."""
    if path.stat().st_size == 0:
        raise PromoError(f"{path} is empty (0 bytes); write at least the header, or delete it")


def is_parquet(path: Path) -> bool:
    """Parquet by its name; else it is CSV."""
    return path.suffix.lower() == ".parquet"


def csv_scan(path: Path, columns: int, delimiter: str, encoding: str) -> str:
    """Every value as text, nothing guessed: the sniffer would take a file with broken quotes for one without quotes."""
    types = ", ".join(f"c{at}: 'VARCHAR'" for at in range(columns))
    return (
        f"read_csv({path_literal(path)}, auto_detect = false, header = true, columns = {{{types}}}, "
        f"delim = {quoted_text(delimiter)}, quote = '\"', escape = '\"', encoding = {quoted_text(encoding)}, "
        "store_rejects = true, rejects_limit = 0)"
    )


def path_literal(path: Path) -> str:
    """A path as SQL, its pattern characters escaped: for a*/x.csv DuckDB would read ab/x.csv too."""
    return quoted_text(re.sub(r"([*?\[])", r"[\1]", str(path)))


def parquet_columns(path: Path) -> dict[str, str]:
    """Column names of a Parquet file, in order, and their types in DuckDB.

    Raises PromoError when it is damaged, OSError when it can't be opened.
    """
    with path.open("rb"):
        pass  # an OSError here names the file; DuckDB would say less
    try:
        rows = duckdb.sql(f"select num_rows from parquet_file_metadata({path_literal(path)})").fetchall()[0][0]
        if rows > max(LARGEST_CLAIM, MOST_ROWS_A_BYTE * path.stat().st_size):
            raise PromoError(f"{path} claims {rows:,} rows in {path.stat().st_size:,} bytes, as no table does; write it again")
        described = duckdb.sql(f"select * from read_parquet({path_literal(path)})")
        return dict(zip(described.columns, map(str, described.types), strict=True))
    except (duckdb.Error, RuntimeError, UnicodeError) as error:  # the latter two: a name that is no UTF-8
        raise PromoError(f"{path} is no whole Parquet file ({duckdb_reason(error)}); write it again") from error
