"""What people see: progress and notes on stderr, results on stdout. NO_COLOR is honoured; a file gets plain lines.

With `promo --log-format json`, or OFFERHOUSE_LOG_FORMAT=json, what goes to stderr is one JSON object a line: at (UTC, ISO
8601), level (info, error) and message, and for errors exit_code. Progress then comes as lines too.

rich is imported where a terminal is to be drawn on, and nowhere else: it is a third of what `promo --help` would take.
"""

import codecs
import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Bars(Protocol):
    """Lines of progress, as rich has them."""

    def add_task(self, description: str, *, total: float | None = None, outcome: str = "", pace: str = "") -> Any:
        """A line; one whose total is unknown pulses. `outcome`: what is being done; `pace`: how fast, and what is left."""

    def update(self, task_id: Any, **fields: Any) -> None:
        """Change a line: completed, total, outcome, pace."""


class Notes:
    """Notes for people, one line each, on stderr; none when `quiet`."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet

    @property
    def is_terminal(self) -> bool:
        """Whether progress can be drawn."""
        return not self.quiet and not logs_json() and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def print(self, text: str) -> None:
        """One line of level info, unless these notes are quiet."""
        if not self.quiet:
            print(json_line("info", text) if logs_json() else text, file=sys.stderr)


class _Drawn:
    """Progress on a terminal."""

    def __init__(self, bars: Any) -> None:
        self._bars = bars

    def add_task(self, description: str, *, total: float | None = None, outcome: str = "", pace: str = "") -> Any:
        return self._bars.add_task(description, total=total, outcome=outcome, pace=pace)

    def update(self, task_id: Any, **fields: Any) -> None:
        self._bars.update(task_id, **fields)


class _Nowhere:
    """Progress where there is no terminal to draw it on."""

    def add_task(self, description: str, *, total: float | None = None, outcome: str = "", pace: str = "") -> int:
        return 0

    def update(self, task_id: Any, **fields: Any) -> None:
        return None


def ready_streams() -> None:
    """Makes standard streams that take whatever is told.

    One that was closed, as by `2>&-`, holds nothing and forgets what is written: Python has none in its place, and the next file
    opened would get its number. What the encoding of standard output can't write, such as Chinese on a latin-1 terminal, becomes
    what JSON writes, \\u4e2d; ASCII, which is nobody's choice, becomes UTF-8, as Typer has it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        is_ascii = codecs.lookup(sys.stdout.encoding).name == "ascii"
        sys.stdout.reconfigure(encoding="utf-8" if is_ascii else None, errors=_AS_JSON)


def _as_json(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


_AS_JSON = "promo-as-json"
codecs.register_error(_AS_JSON, _as_json)


def logs_json() -> bool:
    """Whether stderr is read by a program."""
    return os.environ.get("OFFERHOUSE_LOG_FORMAT") == "json"


def json_line(level: str, message: str, **more: Any) -> str:
    """One line of the JSON log."""
    from datetime import UTC, datetime

    told = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level, "message": message}
    return json.dumps(told | more, ensure_ascii=False)


def messages(quiet: bool = False) -> Notes:
    """Progress and notes (stderr); silent when `quiet`."""
    return Notes(quiet)


@contextmanager
def progress(console: Notes) -> Iterator[Bars]:
    """One bar per task while the block runs; draws nothing where there is no terminal."""
    if not console.is_terminal:
        yield _Nowhere()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    terminal = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    room = Column(no_wrap=True, overflow="ellipsis", max_width=max(10, terminal.width - 68))  # what the others leave
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=10),
        TimeElapsedColumn(),
        TextColumn("{task.fields[pace]}", markup=False, table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[outcome]}", markup=False, table_column=room),
        console=terminal,
    ) as bars:
        yield _Drawn(bars)
