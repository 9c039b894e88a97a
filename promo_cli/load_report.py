"""What `promo load` shows while it works and when it is done."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import Progress, TaskID
from rich.table import Table

from promo_cli.connectors.shop_schema import Listener, TableLoad
from promo_cli.console import messages, progress, results
from promo_cli.errors import fit_for_terminals

if TYPE_CHECKING:
    import duckdb


class ProgressListener:
    """A progress bar per table; notes as lines. The listener connectors speak to."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def started(self, table: str) -> None:
        """A table is being loaded: its bar pulses."""
        self._tasks[table] = self._bars.add_task(table, total=None, outcome="loading")

    def finished(self, load: TableLoad) -> None:
        """A table is loaded: its bar is full."""
        self._bars.update(self._tasks[load.table], total=1, completed=1, outcome=f"{load.rows:,} rows")

    def note(self, text: str) -> None:
        """Something people should know, in one line."""
        self._bars.console.print(f"note: {fit_for_terminals(text)}")


@contextmanager
def progress_listener(quiet: bool) -> Iterator[Listener]:
    """Progress on stderr while the block runs."""
    with progress(messages(quiet)) as bars:
        yield ProgressListener(bars)


def tell_left_out(connection: "duckdb.DuckDBPyConnection", listener: Listener) -> None:
    """A note on the rows that the load left out: of erased people, and by the filters of a mapping."""
    from promo_cli.connectors.mapped import FILTERED

    for table, reason, rows in connection.execute(
        "select table_name, reason, cast(sum(row_count) as bigint) from shop.left_out group by table_name, reason order by all"
    ).fetchall():
        why = "rows left out by the mapping" if reason == FILTERED else "rows of erased people left out"
        listener.note(f"{table}: {rows:,} {why}")


def print_result(loads: list[TableLoad], database: Path, as_json: bool) -> None:
    """Table, rows loaded and unreadable lines, for people or (`as_json`) for machines, on stdout."""
    console = results()
    if as_json:
        tables = [{"table": load.table, "rows": load.rows, "unreadable_lines": load.unreadable} for load in loads]
        print(json.dumps({"database": str(database), "tables": tables}))
        return
    table = Table("table", title=None)
    table.add_column("rows", justify="right")
    table.add_column("unreadable lines", justify="right")
    for load in loads:
        table.add_row(load.table, f"{load.rows:,}", f"{load.unreadable:,}")
    console.print(table)
    if any(load.unreadable for load in loads):
        console.print("The unreadable lines are in shop.load_rejects.", soft_wrap=True)
    console.print(f"Loaded into schema shop of {database}", soft_wrap=True)
