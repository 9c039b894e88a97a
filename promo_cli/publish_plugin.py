"""dbt-duckdb plugin, named in profiles.yml as `promo_cli.publish_plugin`: what SQL can't do of a publication.

It holds the working database's lock while dbt runs, opens it encrypted where promo_cli/encryption.py is set to, and gives dbt's
connection functions for the publication and the record of builds in dbt_project/macros/engine alone:

- `new_publication() -> VARCHAR`: a passing name for the publication to be written, and `new_people() -> VARCHAR` for its people
- `published_mark() -> VARCHAR`: tells what is published from what is published later
- `copy_published(mark VARCHAR) -> VARCHAR`: a copy of what is published, under a passing name, to be made the next publication;
  empty when it has another mark
- `attach_file(file VARCHAR, name VARCHAR) -> VARCHAR`: attaches it, with the key where databases are encrypted;
  only a checkpoint brings what is written into the file
- `make_views(file VARCHAR, statements VARCHAR[]) -> BOOLEAN`: makes the views of a publication whose tables are written
- `put_in_place(copy VARCHAR, people VARCHAR) -> VARCHAR`: makes it the published database, returns the path
- `offerhouse_version() -> VARCHAR`
"""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError

from promo_cli import encryption
from promo_cli.errors import PromoError, as_promo_error
from promo_cli.lock import FileLock, being_written, write_lock
from promo_cli.paths import make_private_folder, published_path
from promo_cli.people_file import new_people_file
from promo_cli.provenance import offerhouse_version
from promo_cli.publication import copy_published, make_views, mark_of, new_publication, put_in_place
from promo_cli.warehouse import why_not_open
from promo_cli.withdrawals import keep_withdrawals_of_build

_POLL_SECONDS = 0.2
# A look at the working database (promo status) is nobody's reason to give up.
_LEAST_WAIT_SECONDS = 1.0


class Plugin(BasePlugin):
    """One process writes the working database; env OFFERHOUSE_WAIT is how many seconds another waits for it (0)."""

    _lock: FileLock | None = None
    _encrypted: Path | None = None
    """The working database, where it is attached to a connection in memory because it is encrypted."""

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Before dbt opens the database: take its lock. Raises DbtRuntimeError, one line, when another holds it."""
        if creds.path == ":memory:" or self._lock is not None:
            return
        database = Path(creds.path).resolve()
        make_private_folder(database.parent)
        lock = write_lock(database, os.environ.get("OFFERHOUSE_COMMAND") or "dbt")
        deadline = time.monotonic() + max(_wait_seconds(), _LEAST_WAIT_SECONDS)
        holder = lock.take(_wait_seconds())
        if holder is not None:
            raise DbtRuntimeError(being_written(database, holder))
        atexit.register(lock.release)
        self._lock = lock
        try:
            _wait_for_readers(database, deadline)
            if encryption.is_on():
                self._encrypted = database
                creds.path = ":memory:"  # dbt opens that, and keeps calling the database by its file's name
        except PromoError as error:
            raise DbtRuntimeError(error.message) from None

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Register the functions on dbt's connection; a database in memory has nothing to publish."""
        if self._encrypted is not None:
            encryption.use(conn, self._encrypted)
        elif self.creds is None or self.creds.path == ":memory:":
            return
        working = self._encrypted or Path(self.creds.path).resolve()
        published = published_path(working).absolute()

        def begun() -> str:
            with _told():
                return _passing(new_publication(published))

        def marked() -> str:
            with _told():
                return mark_of(published)

        def copied(mark: str) -> str:
            with _told():
                copy = copy_published(published, mark)
                return "" if copy is None else _passing(copy)

        def people_begun() -> str:
            with _told():
                return _passing(new_people_file(published))

        def attached(file: str, name: str) -> str:
            with _told(), conn.cursor() as cursor:
                encryption.attach(cursor, Path(file), name, is_passing=True)
            return name

        def views_made(file: str, statements: list[str]) -> bool:
            with _told():
                make_views(Path(file), statements)
            return True

        def placed(copy: str, people: str) -> str:
            with _told():
                keep_withdrawals_of_build(Path(people), working)
                put_in_place(Path(copy), published, Path(people))
            return str(published)

        conn.create_function("new_publication", begun, [], "VARCHAR", side_effects=True)
        conn.create_function("published_mark", marked, [], "VARCHAR", side_effects=True)
        conn.create_function("copy_published", copied, ["VARCHAR"], "VARCHAR", side_effects=True)
        conn.create_function("new_people", people_begun, [], "VARCHAR", side_effects=True)
        conn.create_function("attach_file", attached, ["VARCHAR", "VARCHAR"], "VARCHAR", side_effects=True)
        conn.create_function("make_views", views_made, ["VARCHAR", "VARCHAR[]"], "BOOLEAN", side_effects=True)
        conn.create_function("put_in_place", placed, ["VARCHAR", "VARCHAR"], "VARCHAR", side_effects=True)
        conn.create_function("offerhouse_version", lambda: offerhouse_version() or "not installed", [], "VARCHAR")

    def configure_cursor(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """A cursor begins in the connection's own database, which is none that stays."""
        if self._encrypted is not None:
            cursor.execute(f'use "{encryption.database_name(self._encrypted)}"')


def _passing(file: Path) -> str:
    """What comes of no use doesn't stay."""
    for path in (file, file.with_name(f"{file.name}.wal")):
        atexit.register(path.unlink, missing_ok=True)
    return str(file)


@contextmanager
def _told() -> Iterator[None]:
    """An error of the file system in one line, with the way on."""
    try:
        yield
    except (OSError, PromoError) as error:
        told = as_promo_error(error).message
        raise RuntimeError(f"built, but not published: {told}; then: promo publish") from error


def _wait_seconds() -> float:
    told = os.environ.get("OFFERHOUSE_WAIT") or "0"
    try:
        return float(told)
    except ValueError as error:
        raise DbtRuntimeError(f"OFFERHOUSE_WAIT={told} is no number of seconds; write e.g. OFFERHOUSE_WAIT=600") from error


def _wait_for_readers(database: Path, deadline: float) -> None:
    """Clients that have the working database open hold DuckDB's own lock, and so does a training that reads it."""
    while database.is_file():
        try:
            encryption.connect(database).close()
        except duckdb.IOException as error:
            if "Could not set lock" not in str(error) or time.monotonic() >= deadline:
                raise DbtRuntimeError(why_not_open(database, error)) from error
            time.sleep(_POLL_SECONDS)
        else:
            return
