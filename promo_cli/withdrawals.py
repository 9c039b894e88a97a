"""Who has withdrawn consent since the published build: a withdrawal counts from the moment it is loaded.

The withdrawals of the shop that was loaded last lie beside the published database, in
published/private/<name>.withdrawals.parquet, by the shop's own user ids, for a build may hold the working database when an
export runs, and a publication that was rolled back knows less than the shop does. Those of the published build itself lie with
its people (promo_cli/people_file.py).
"""

import os
from pathlib import Path
from typing import Any

import duckdb

from promo_cli import encryption
from promo_cli.errors import DATA_FAULT, PromoError
from promo_cli.paths import make_private_folder, published_path
from promo_cli.people_file import private_file, private_folder
from promo_cli.private_files import put_in_place, sync_to_disk, unfinished_file

# Purpose of the one row of a file whose shop has consents that the last build, and so its views, can't read.
_UNREAD = "UNREAD"


def withdrawals_file(database: Path) -> Path:
    """The withdrawals of what was loaded last into the working database `database`: Parquet, or an encrypted database."""
    return private_file(published_path(database), "withdrawals.duckdb" if encryption.is_on() else "withdrawals.parquet")


def keep_withdrawals(connection: duckdb.DuckDBPyConnection, database: Path) -> None:
    """Called when a shop has been loaded into the working database `database`.

    `connection` writes the loaded shop, and no transaction is under way. Nothing is kept before the first publication. Raises
    OSError when the file can't be written.
    """
    if not published_path(database).parent.is_dir():
        return
    if not has_rows(connection, "shop", "consents"):
        withdrawals_file(database).unlink(missing_ok=True)
        return
    try:
        withdrawn = _loaded_withdrawals(connection)
    except duckdb.Error:
        withdrawn = None
    if withdrawn is None:
        withdrawn = connection.sql(
            f"select cast(null as varchar) as user_id, '{_UNREAD}' as purpose, cast(null as timestamp) as changed_at"
        ).to_arrow_table()
    _keep(withdrawn, database)


def keep_withdrawals_of_build(people: Path, database: Path) -> None:
    """Called when a build is published: `people` is the file of its people, which has read what is loaded."""
    with encryption.connect(people, read_only=True) as connection:
        withdrawn = connection.sql(
            "select people.shop_user_id as user_id, purpose, changed_at from withdrawals inner join people using (user_id)"
        ).to_arrow_table()
    _keep(withdrawn, database)
    for folder in (published_path(database).parent, private_folder(published_path(database))):
        (folder / "withdrawals.parquet").unlink(missing_ok=True)  # where earlier versions had it


def read_withdrawals(connection: duckdb.DuckDBPyConnection, database: Path, of_the_build: str) -> None:
    """Makes the temporary view `withdrawals` (user_id, purpose, changed_at) of all that is known of now.

    Purposes are words as staging reads them (models/staging/consents/checked_consents.sql), or what nobody knows.

    `connection` reads what is published from `database`, or itself, and has a relation `people`; `of_the_build` is SQL for those
    that it knows. Users are known by the warehouse's keys. Raises PromoError (exit code 1) when consents were loaded which the
    last build can't read; duckdb.Error when the views don't fit what is loaded.
    """
    connection.execute("create temp table loaded_withdrawals (user_id varchar, purpose varchar, changed_at timestamp)")
    file = withdrawals_file(database)
    if file.is_file():
        connection.register("loaded", read_file(file))
        connection.execute("insert into loaded_withdrawals select user_id, purpose, changed_at from loaded")
    connection.execute(
        f"""
        create temp view withdrawals as
        with written as (
            {of_the_build}
            union all
            select people.user_id, loaded.purpose, loaded.changed_at
            from loaded_withdrawals as loaded
            inner join people on loaded.user_id = people.shop_user_id
        )
        select
            user_id,
            replace(lower(trim(purpose)), 'personalization', 'personalisation') as purpose,
            changed_at
        from written
        """
    )
    unread = "select exists (from loaded_withdrawals where purpose = $1)"
    if connection.execute(unread, [_UNREAD]).fetchall()[0][0] or (
        has_rows(connection, "shop", "consents") and not has_rows(connection, "staging", "base_consents")
    ):
        raise PromoError("shop.consents was loaded after the last build, which doesn't know it; run promo build", DATA_FAULT)


def has_rows(connection: duckdb.DuckDBPyConnection, schema: str, relation: str) -> bool:
    """Whether the relation is there and has a row."""
    return is_there(connection, schema, relation) and bool(
        connection.execute(f"select exists (from {schema}.{relation})").fetchall()[0][0]
    )


def is_there(connection: duckdb.DuckDBPyConnection, schema: str, relation: str) -> bool:
    """Whether the database has the relation."""
    known = (
        "select 1 from information_schema.tables "
        "where table_catalog = current_catalog() and table_schema = $1 and table_name = $2"
    )
    return bool(connection.execute(known, [schema, relation]).fetchall())


def _loaded_withdrawals(connection: duckdb.DuckDBPyConnection) -> Any:
    """Withdrawals of the loaded shop, by its own user ids, typed by the last build's view; None where that can't read them."""
    if not is_there(connection, "private", "user_keys"):
        return None
    connection.execute("begin transaction")
    try:
        # The view leaves out the keys that it doesn't know: for a moment it knows those of the users who are new in this load.
        connection.execute(
            """
            insert into private.user_keys by name
            select distinct cast(user_id as varchar) as shop_user_id, cast(user_id as varchar) as user_id, false as is_erased
            from shop.consents
            where cast(user_id as varchar) not in (select shop_user_id from private.user_keys)
            """
        )
        if not has_rows(connection, "staging", "base_consents"):
            return None
        return connection.sql(
            """
            select known.shop_user_id as user_id, consents.purpose, consents.changed_at
            from staging.base_consents as consents
            inner join private.user_keys as known on consents.user_id = known.user_id
            where not consents.granted
            """
        ).to_arrow_table()
    finally:
        connection.execute("rollback")


def _keep(withdrawn: Any, database: Path) -> None:
    file = withdrawals_file(database)
    make_private_folder(file.parent)
    write_file(withdrawn, file)


def read_file(file: Path) -> Any:
    """The rows of `withdrawals_file`, an Arrow table: user_id (the shop's own), purpose, changed_at."""
    if not encryption.is_on():
        import pyarrow.parquet

        return pyarrow.parquet.read_table(file)
    with encryption.connect(file, read_only=True) as connection:
        return connection.sql("from withdrawals").to_arrow_table()


def write_file(withdrawn: Any, file: Path) -> None:
    """Puts other rows in the place of those of `withdrawals_file`. Raises OSError when it can't be written."""
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
