"""Who has withdrawn consent since the published build: a withdrawal counts from the moment it is loaded.

The withdrawals of the shop that was loaded last lie beside the published database (published/withdrawals.parquet, or encrypted in
withdrawals.duckdb), for a build may hold the working database when an export runs, and a publication that was rolled back knows
less than the shop does.
"""

import os
from pathlib import Path
from typing import Any

import duckdb

from promo_cli import encryption
from promo_cli.errors import DATA_FAULT, PromoError
from promo_cli.paths import published_path
from promo_cli.private_files import put_in_place, sync_to_disk, unfinished_file

# Purpose of the one row of a file whose shop has consents that the last build, and so its views, can't read.
_UNREAD = "UNREAD"


def keep_withdrawals(connection: duckdb.DuckDBPyConnection, database: Path) -> None:
    """Called when a shop has been loaded into the working database `database`, and when a build of it is published.

    `connection` reads the loaded shop. Nothing is kept before the first publication. Raises OSError when the file can't be
    written.
    """
    file = _file(database)
    if not file.parent.is_dir():
        return
    if not _has_rows(connection, "shop", "consents"):
        file.unlink(missing_ok=True)
        return
    try:
        # The last build's view types what is loaded now.
        is_read = _has_rows(connection, "staging", "base_consents")
    except duckdb.Error:
        is_read = False
    query = (
        "select user_id, purpose, changed_at from staging.base_consents where not granted"
        if is_read
        else f"select cast(null as varchar) as user_id, '{_UNREAD}' as purpose, cast(null as timestamp) as changed_at"
    )
    _write(connection.sql(query).to_arrow_table(), file)


def read_withdrawals(connection: duckdb.DuckDBPyConnection, database: Path) -> None:
    """Makes the temporary view `withdrawals` (user_id, purpose, changed_at) of all that is known of now.

    `connection` reads what is published from `database`, or itself. Raises PromoError (exit code 1) when consents were loaded
    which the last build can't read; duckdb.Error when the views don't fit what is loaded.
    """
    of_the_build = "select user_id, purpose, changed_at from staging.base_consents where not granted"
    file = _file(database)
    connection.execute("create temp table loaded_withdrawals (user_id varchar, purpose varchar, changed_at timestamp)")
    if file.is_file():
        connection.register("loaded", _read(file))
        connection.execute("insert into loaded_withdrawals select user_id, purpose, changed_at from loaded")
    connection.execute(f"create temp view withdrawals as {of_the_build} union all from loaded_withdrawals")
    unread = "select exists (from loaded_withdrawals where purpose = $1)"
    if connection.execute(unread, [_UNREAD]).fetchall()[0][0] or (
        _has_rows(connection, "shop", "consents") and not _has_rows(connection, "staging", "base_consents")
    ):
        raise PromoError("shop.consents was loaded after the last build, which doesn't know it; run promo build", DATA_FAULT)


def _file(database: Path) -> Path:
    """Parquet, or an encrypted database where databases are encrypted."""
    return published_path(database).with_name("withdrawals.duckdb" if encryption.is_on() else "withdrawals.parquet")


def _write(withdrawn: Any, file: Path) -> None:
    if not encryption.is_on():
        import pyarrow.parquet

        with unfinished_file(file.parent) as unfinished:
            pyarrow.parquet.write_table(withdrawn, unfinished)
            put_in_place({file: unfinished})
        return
    unfinished_database = file.with_name(f".{os.getpid()}.{file.name}")
    try:
        with encryption.connect(unfinished_database) as connection:
            connection.register("withdrawn", withdrawn)
            connection.execute("create or replace table withdrawals as from withdrawn")
            connection.execute("checkpoint")
        sync_to_disk(unfinished_database)
        unfinished_database.replace(file)
    finally:
        unfinished_database.unlink(missing_ok=True)


def _read(file: Path) -> Any:
    if not encryption.is_on():
        import pyarrow.parquet

        return pyarrow.parquet.read_table(file)
    with encryption.connect(file, read_only=True) as connection:
        return connection.sql("from withdrawals").to_arrow_table()


def _has_rows(connection: duckdb.DuckDBPyConnection, schema: str, relation: str) -> bool:
    known = "select 1 from information_schema.tables where table_schema = $1 and table_name = $2"
    if not connection.execute(known, [schema, relation]).fetchall():
        return False
    return bool(connection.execute(f"select exists (from {schema}.{relation})").fetchall()[0][0])
