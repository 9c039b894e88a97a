"""Writing schema `shop`: what every connector shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class TableLoad:
    """Outcome of one table: rows loaded, and lines of its files that could not be read."""

    table: str
    rows: int
    unreadable: int = 0


class Listener(Protocol):
    """Hears how a load goes."""

    def started(self, table: str) -> None:
        """A table is being loaded."""

    def finished(self, load: TableLoad) -> None:
        """A table is loaded."""

    def note(self, text: str) -> None:
        """Something people should know, in one line."""


class Silence:
    """The listener that says nothing."""

    def started(self, table: str) -> None:
        """Nothing."""

    def finished(self, load: TableLoad) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""


def recorded_settings(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """What `promo load` recorded of the shop, by key; nothing where a shop mapped its own tables."""
    from promo_cli.withdrawals import is_there

    known = is_there(connection, "shop", "settings")
    return dict(connection.execute("select key, value from shop.settings").fetchall()) if known else {}


@contextmanager
def replacing_shop(connection: duckdb.DuckDBPyConnection, settings: Mapping[str, str | None]) -> Iterator[None]:
    """An empty schema `shop` to fill in the block: settings, load_rejects and left_out are there. Erased people are left out.

    One transaction: when the block raises, the shop of the previous load stands as it was.
    """
    with changing_shop(connection):
        connection.execute("drop schema if exists shop cascade")
        connection.execute("drop schema if exists truth cascade")  # of a simulated shop
        connection.execute("create schema shop")
        connection.execute("create table shop.settings (key varchar primary key, value varchar)")
        connection.executemany("insert into shop.settings values (?, ?)", [list(item) for item in settings.items()])
        connection.execute(
            """
            create table shop.load_rejects (
                table_name varchar not null,
                file_name varchar not null,
                line_number bigint not null,
                reason varchar not null,
                row_text varchar
            )
            """
        )
        connection.execute(
            "create table shop.left_out (table_name varchar not null, reason varchar not null, row_count bigint not null)"
        )
        yield


@contextmanager
def changing_shop(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """One transaction on schema `shop`, at whose end erased people are left out; when the block raises, nothing has changed."""
    import duckdb

    from promo_cli.erasures import leave_out_erased

    connection.execute("begin transaction")
    try:
        yield
        leave_out_erased(connection, _tables_of_users(connection))
        connection.execute("commit")
    except BaseException:
        # a commit that fails, as on a full disk, has ended the transaction itself
        with suppress(duckdb.Error):
            connection.execute("rollback")
        raise


def _tables_of_users(connection: duckdb.DuckDBPyConnection) -> list[str]:
    return [
        table
        for (table,) in connection.execute(
            "select table_name from duckdb_columns() where database_name = current_database() and schema_name = 'shop' "
            "and column_name = 'user_id' order by table_name"
        ).fetchall()
    ]


def count_rows(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    """Rows of a relation, given as SQL."""
    row = connection.execute(f"select count(*) from {relation}").fetchone()
    return int(row[0]) if row else 0
