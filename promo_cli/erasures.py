"""Who was erased: tombstones in the working database, by which a load knows whom to leave out.

private.erasures has a row a person: a hash of the shop's own id under the database's own salt, which tells neither that id nor
a pseudonym, and holds when the secret changes. It is written before anything is removed and marked finished with the last file,
so it is the journal of an erasure that was interrupted, too. A copy beside the published database (published/private/) answers
while another process holds the working one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from promo_cli.paths import published_path
from promo_cli.people_file import private_file, private_folder
from promo_cli.private_files import put_in_place, unfinished_file
from promo_cli.withdrawals import is_there
from udfs.secret import tombstone

if TYPE_CHECKING:
    import pyarrow as pa

_TABLE = """
    create table if not exists private.erasures (
        salt varchar not null, tombstone varchar not null, requested_at timestamp not null, is_finished boolean not null,
        folders varchar[] not null
    )
"""


def register_tombstones(connection: duckdb.DuckDBPyConnection) -> None:
    """Gives `connection` the SQL function tombstone(salt, user)."""
    from udfs.pseudonyms import privacy_functions

    for name, function, arguments in privacy_functions(None):
        if name == "tombstone":
            connection.create_function(name, function, arguments, "VARCHAR", type="arrow", null_handling="special")


def request(connection: duckdb.DuckDBPyConnection, users: Iterable[str], folders: Iterable[Path]) -> None:
    """Notes that `users` (the shop's own ids) are to be erased, from the folders of campaign files, too."""
    connection.execute("create schema if not exists private")
    connection.execute(_TABLE)
    known = connection.execute("select max(salt) from private.erasures").fetchall()[0][0]
    salt = known or secrets.token_hex(16)
    for user in users:
        mark = tombstone(salt, user)
        connection.execute("delete from private.erasures where tombstone = ? and not is_finished", [mark])
        connection.execute(
            "insert into private.erasures select $salt, $mark, cast(now() as timestamp), false, $folders "
            "where not exists (from private.erasures where tombstone = $mark)",
            {"salt": salt, "mark": mark, "folders": [str(folder.absolute()) for folder in folders]},
        )


def pending(connection: duckdb.DuckDBPyConnection) -> tuple[list[str], list[Path]]:
    """Tombstones of erasures that were interrupted, and the folders of campaign files that they named."""
    if not is_there(connection, "private", "erasures"):
        return [], []
    rows = connection.execute(
        "select tombstone, folders from private.erasures where not is_finished order by tombstone"
    ).fetchall()
    return [mark for mark, _ in rows], sorted({Path(folder) for _, folders in rows for folder in folders})


def was_erased(database: Path, user: str) -> bool:
    """Whether `user`, the shop's own id, was erased from the working database `database`."""
    from promo_cli.warehouse_reader import open_read_only

    file = _copy_of(database)
    if file.is_file():
        import pyarrow.parquet

        kept = pyarrow.parquet.read_table(file).to_pylist()
        if _is_among(user, [(row["salt"], row["tombstone"]) for row in kept]):
            return True
    if not database.is_file():
        return False
    from promo_cli.errors import PromoError

    try:
        with open_read_only(database) as connection:
            if not is_there(connection, "private", "erasures"):
                return False
            rows = connection.execute("select salt, tombstone from private.erasures").fetchall()
    except PromoError:  # another process has it
        return False
    return _is_among(user, rows)


def _is_among(user: str, rows: list[tuple[str, str]]) -> bool:
    marks = {tombstone(salt, user) for salt in {salt for salt, _ in rows}}
    return any(mark in marks for _, mark in rows)


def keep_copy(connection: duckdb.DuckDBPyConnection, database: Path) -> None:
    """The copy beside the published database, if anything was ever published. Raises OSError."""
    folder = private_folder(published_path(database))
    if not folder.is_dir():
        return
    import pyarrow.parquet

    kept: pa.Table = connection.sql("select salt, tombstone from private.erasures order by tombstone").to_arrow_table()
    with unfinished_file(folder) as unfinished:
        pyarrow.parquet.write_table(kept, unfinished)
        put_in_place({_copy_of(database): unfinished})
    (folder / "erasures.parquet").unlink(missing_ok=True)  # where earlier versions had it


def leave_out_erased(connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> None:
    """Removes the rows of erased people from `tables` of schema shop, and counts them in shop.left_out."""
    if not is_there(connection, "private", "erasures"):
        return
    if not connection.execute("select exists (from private.erasures)").fetchall()[0][0]:
        return
    register_tombstones(connection)
    erased = """
        (select name from ({names}) as named(name)
        where tombstone((select max(salt) from private.erasures), name) in (select tombstone from private.erasures))
    """
    for table in tables:
        of_users = erased.format(names=f"select distinct cast(user_id as varchar) from shop.{table}")
        _leave_out(connection, table, f"shop.{table}", f"cast(user_id as varchar) in {of_users}")
    words = "unnest(regexp_split_to_array(row_text, '[\\s,;|\"]+'))"
    lines = "select distinct file_name, line_number, row_text from shop.load_rejects"
    of_lines = f"""
        (file_name, line_number) in (
            select (file_name, line_number) from (select file_name, line_number, {words} as word from ({lines}))
            where tombstone((select max(salt) from private.erasures), word) in (select tombstone from private.erasures)
        )
    """
    for (table,) in connection.execute("select distinct table_name from shop.load_rejects").fetchall():
        _leave_out(connection, table, "shop.load_rejects", f"table_name = '{table}' and {of_lines}")


def _copy_of(database: Path) -> Path:
    return private_file(published_path(database), "erasures.parquet")


def _leave_out(connection: duckdb.DuckDBPyConnection, table: str, relation: str, condition: str) -> None:
    ((rows,),) = connection.execute(f"delete from {relation} where {condition}").fetchall()
    if rows:
        connection.execute("insert into shop.left_out values (?, 'ERASED', ?)", [table, rows])
