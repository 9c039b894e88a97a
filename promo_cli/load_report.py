"""What `promo load` shows while it works and when it is done."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from promo_cli.connectors.shop_schema import Listener, TableLoad
from promo_cli.console import Bars, Notes, messages, progress
from promo_cli.errors import fit_for_terminals
from promo_cli.forecast import Even
from promo_cli.tables import columns

if TYPE_CHECKING:
    import duckdb

_LOOK_SECONDS = 0.3


class ProgressListener:
    """A progress bar per table; notes as lines. The listener connectors speak to."""

    def __init__(self, bars: Bars, notes: Notes) -> None:
        self._bars, self._notes = bars, notes
        self._table: Any = None
        self._pace = Even()
        self._since = 0.0

    def started(self, table: str) -> None:
        """A table is being loaded: its bar pulses until the engine tells how far it is."""
        self._table = self._bars.add_task(table, total=None, outcome="loading")
        self._pace, self._since = Even(), time.monotonic()

    def finished(self, load: TableLoad) -> None:
        """A table is loaded: its bar is full."""
        table, self._table = self._table, None
        elapsed = time.monotonic() - self._since
        speed = f"{load.rows / elapsed:,.0f} rows/s" if elapsed >= 1 else ""
        self._bars.update(table, total=1, completed=1, outcome=f"{load.rows:,} rows", pace=speed)

    def note(self, text: str) -> None:
        """Something people should know, in one line."""
        self._notes.print(f"note: {fit_for_terminals(text)}")

    def is_at(self, percent: float) -> None:
        """How far the engine is with the table."""
        table = self._table
        if table is not None and percent >= 0:
            left = self._pace.told(percent, 100).partition(", ")[2]
            self._bars.update(table, total=100, completed=percent, pace=left)


@contextmanager
def progress_listener(quiet: bool, connection: "duckdb.DuckDBPyConnection | None" = None) -> Iterator[Listener]:
    """Progress on stderr while the block runs: what `connection` is at, as its engine tells it, where there is a terminal."""
    notes = messages(quiet)
    with progress(notes) as bars:
        listener = ProgressListener(bars, notes)
        if connection is None or not notes.is_terminal:
            yield listener
            return
        connection.execute("set enable_progress_bar = true")
        connection.execute("set enable_progress_bar_print = false")
        ended = threading.Event()
        watch = threading.Thread(target=_watch, args=(connection, listener, ended), daemon=True)
        watch.start()
        try:
            yield listener
        finally:
            ended.set()
            watch.join()


def _watch(connection: "duckdb.DuckDBPyConnection", listener: ProgressListener, ended: threading.Event) -> None:
    import duckdb

    while not ended.wait(_LOOK_SECONDS):
        try:
            listener.is_at(connection.query_progress())
        except duckdb.Error:  # the statement failed: whoever runs it tells why
            return


def tell_left_out(connection: "duckdb.DuckDBPyConnection", listener: Listener) -> None:
    """A note on the rows that the load left out: of erased people, and by the filters of a mapping."""
    from promo_cli.connectors.mapped import FILTERED

    for table, reason, rows in connection.execute(
        "select table_name, reason, cast(sum(row_count) as bigint) from shop.left_out group by table_name, reason order by all"
    ).fetchall():
        why = "rows left out by the mapping" if reason == FILTERED else "rows of erased people left out"
        listener.note(f"{table}: {rows:,} {why}")


def print_result(loads: list[TableLoad], database: Path, as_json: bool, dry_run: bool = False, appended: bool = False) -> None:
    """Table, rows loaded or `appended` and unreadable lines, for people or (`as_json`) for machines, on stdout."""
    if as_json:
        tables = [{"table": load.table, "rows": load.rows, "unreadable_lines": load.unreadable} for load in loads]
        typer.echo(json.dumps({"database": str(database), "loaded": not dry_run, "tables": tables}))
        return
    rows = [[load.table, f"{load.rows:,}", f"{load.unreadable:,}"] for load in loads]
    typer.echo(columns(["table", "rows", "unreadable lines"], rows, right={1, 2}))
    if dry_run:
        what_then = "are added to" if appended else "replace"
        typer.echo(f"Nothing was loaded; without --dry-run these {what_then} the shop in {database}")
        return
    if any(load.unreadable for load in loads):
        typer.echo("The unreadable lines are in shop.load_rejects.")
    typer.echo(f"{'Added to' if appended else 'Loaded into'} schema shop of {database}; next: promo build")
