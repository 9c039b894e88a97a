"""The working database."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from promo_cli.encryption import connect
from promo_cli.errors import ENVIRONMENT_FAULT, USAGE_FAULT, PromoError, duckdb_reason
from promo_cli.lock import writing
from promo_cli.paths import make_private_folder

# DuckDB names a database after its file, and shop.users would be ambiguous in a database called shop.
SCHEMAS = frozenset(
    {
        *("shop", "private", "staging", "policies", "features", "scores", "promotions", "exports", "audits"),
        *("truth", "main", "temp", "system"),
    }
)


@contextmanager
def open_warehouse(path: Path, command: str = "promo load") -> Iterator[duckdb.DuckDBPyConnection]:
    """The working database at `path`, open for writing, made when it is not there, closed at the end.

    `command` is what others are told who find it locked.

    It is encrypted where promo_cli/encryption.py is set to. Timestamps without a zone are UTC. OFFERHOUSE_MEMORY (3GB)
    bounds DuckDB's memory, OFFERHOUSE_SPILL (50GB) its spill files: the same names and values as in profiles.yml.

    Raises PromoError when the file bears the name of a schema (exit code 2), another process holds the lock, the file
    is no DuckDB database or a limit can't be read (exit code 3), and OSError when the folder can't be made.
    """
    refuse_odd_file(path)
    make_private_folder(path.parent)
    with writing(path, command):
        try:
            connection = connect(path)
        except duckdb.Error as error:
            raise PromoError(why_not_open(path, error), ENVIRONMENT_FAULT) from error
        try:
            connection.execute("set TimeZone = 'UTC'")
            set_limits(connection)
            yield connection
        finally:
            connection.close()


def refuse_odd_file(path: Path) -> None:
    """Raises PromoError when the file bears the name of a schema (exit code 2) or is there and no DuckDB database (3)."""
    if path.stem.lower() in SCHEMAS:
        raise PromoError(
            f"a database can't be called {path.name}, for {path.stem} is a schema in it; choose e.g. offerhouse.duckdb",
            USAGE_FAULT,
        )
    if path.is_file() and not is_database(path):
        raise PromoError(f"{path} is no DuckDB database; name another file with --database", ENVIRONMENT_FAULT)


def is_database(path: Path) -> bool:
    """DuckDB itself would open a CSV or Parquet file as a database in memory, and the load would be lost."""
    with path.open("rb") as file:
        start = file.read(12)
    return not start or start[8:] == b"DUCK"


def check_limits() -> None:
    """Raises PromoError (exit code 3) when OFFERHOUSE_MEMORY or OFFERHOUSE_SPILL is no size; dbt would say it in a riddle."""
    with duckdb.connect() as connection:
        set_limits(connection)


def set_limits(connection: duckdb.DuckDBPyConnection) -> None:
    """OFFERHOUSE_MEMORY and OFFERHOUSE_SPILL hold for `connection`; raises PromoError (exit code 3) when one is no size."""
    _set_limit(connection, "memory_limit", "OFFERHOUSE_MEMORY", "3GB")
    _set_limit(connection, "max_temp_directory_size", "OFFERHOUSE_SPILL", "50GB")


def _set_limit(connection: duckdb.DuckDBPyConnection, setting: str, variable: str, default: str) -> None:
    value = os.environ.get(variable) or default
    try:
        connection.execute(f"set {setting} = {quoted_text(value)}")
    except duckdb.Error as error:
        raise PromoError(f"{variable}={value} is no size; write e.g. {variable}={default}", ENVIRONMENT_FAULT) from error


def why_not_open(path: Path, error: duckdb.Error) -> str:
    """One line on why the working database can't be opened for writing."""
    text = str(error)
    if "Could not set lock" in text:
        process = re.search(r"\(PID \d+\)", text)
        return f"{path} is open in another process{f' {process[0]}' if process else ''}; close it and run again"
    if "Permission denied" in text:
        return f"{path}: permission denied; give this user the right to write it"
    return f"{path} can't be opened as a DuckDB database: {duckdb_reason(error)}"


def quoted_text(text: str) -> str:
    """`text` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def quoted_name(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
