"""A built database, opened to read alone: the published one, or the working one while nothing is published."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from promo_cli.console import messages
from promo_cli.encryption import attach, connect
from promo_cli.errors import DATA_FAULT, ENVIRONMENT_FAULT, PromoError, duckdb_reason
from promo_cli.next_step import must_be_there
from promo_cli.paths import published_path
from promo_cli.people_file import people_of_open
from promo_cli.warehouse import is_database, set_limits
from promo_cli.withdrawals import is_there, read_withdrawals

_NEEDED = (
    ("promotions", "campaign_audience"),
    ("features", "user_permissions"),
    ("staging", "stg_consents"),
)
# No variable of this process as a table; no other file, database or network follows once the file is open.
_NO_POWER = {"python_enable_replacements": "false"}


def readable_database(database: Path) -> Path:
    """The file that readers of the working database `database` open: what is published from it, else itself."""
    published = published_path(database)
    return published if published.is_file() else database


def tell_if_unpublished(database: Path, quiet: bool = False) -> None:
    """A note for people when readers get the working database, which a build changes under way."""
    if database.is_file() and readable_database(database) == database:
        messages(quiet).print(f"note: nothing is published yet; this reads the working database {database}")


@contextmanager
def open_read_only(path: Path, with_people: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """The database file `path`, read-only, with no way to other files, databases or the network, nor to its settings.

    With `with_people` the file of its people, if there is one, is attached as people_file: that of the build which is open, for
    another may be published meanwhile.

    Raises PromoError when there is none (exit code 1) and when it can't be opened, as while a build writes it (exit code 3).
    """
    must_be_there(path)
    if not is_database(path):
        raise PromoError(f"{path} is no DuckDB database; name another file with --database", ENVIRONMENT_FAULT)
    try:
        connection = connect(path, read_only=True, config=_NO_POWER)
    except duckdb.Error as error:
        raise PromoError(_why_not_open(path, error), ENVIRONMENT_FAULT) from error
    try:
        connection.execute("set TimeZone = 'UTC'")
        set_limits(connection)
        people = people_of_open(connection, path) if with_people else None
        if people is not None and people.is_file():
            attach(connection, people, "people_file", read_only=True)
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        yield connection
    finally:
        connection.close()


@contextmanager
def open_for_export(database: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """What is published from `database`, or itself, read-only; `people` tells who its users are, `withdrawals` who of them has
    withdrawn consent by now.

    Raises PromoError when there is no database, nothing is built in it, or a view used in the block doesn't fit what is
    loaded (exit code 1), and when it can't be opened, as while a build writes it (exit code 3); and
    duckdb.OutOfMemoryException, also where Arrow tells of it in words of its own.
    """
    path = readable_database(database)
    with open_read_only(path, with_people=path != database) as connection:
        try:
            _refuse_unbuilt(connection, path)
            read_withdrawals(connection, database, _find_people(connection, path))
            yield connection
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise PromoError(
                f"{path}: the build doesn't fit what is loaded now ({duckdb_reason(error)}); run promo build", DATA_FAULT
            ) from error
        except OSError as error:
            # what Arrow makes of it while rows stream
            if "Out of Memory" not in str(error):
                raise
            raise duckdb.OutOfMemoryException(str(error)) from error


def records(connection: duckdb.DuckDBPyConnection, query: str, values: Any = None) -> list[dict[str, Any]]:
    """The rows of a query, each by its columns' names; `values` are bound."""
    cursor = connection.execute(query, values)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def relations(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Schema and name of every table and view of the file, in order."""
    return connection.execute(
        "select table_schema, table_name from information_schema.tables where table_catalog = current_catalog() order by all"
    ).fetchall()


def _find_people(connection: duckdb.DuckDBPyConnection, path: Path) -> str:
    """Makes the view `people`; returns SQL for the withdrawals that the build knows. Raises PromoError when it has no people."""
    if is_there(connection, "private", "people"):  # nothing is published
        connection.execute("create temp view people as from private.people")
        return "select user_id, purpose, changed_at from staging.base_consents where not granted"
    attached = connection.execute("select 1 from duckdb_databases() where database_name = 'people_file'").fetchall()
    if not attached:
        raise PromoError(
            f"{path}: the file that tells who its users are is gone; run promo build, which publishes it", DATA_FAULT
        )
    connection.execute("create temp view people as from people_file.main.people")
    return "select user_id, purpose, changed_at from people_file.main.withdrawals"


def _refuse_unbuilt(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    built = relations(connection)
    missing = [".".join(relation) for relation in _NEEDED if relation not in built]
    if not any(schema == "policies" for schema, _ in built):
        missing.append("policies")
    if missing:
        raise PromoError(f"{path} is not built yet, it holds no {missing[0]}; run promo build", DATA_FAULT)


def _why_not_open(path: Path, error: duckdb.Error) -> str:
    text = str(error)
    if "Could not set lock" in text:
        process = re.search(r"\(PID \d+\)", text)
        return f"{path} is being written by another process{f' {process[0]}' if process else ''}; run again when it ends"
    if "Permission denied" in text:
        return f"{path}: permission denied; give this user the right to read it"
    return f"{path} can't be opened as a DuckDB database: {duckdb_reason(error)}"
