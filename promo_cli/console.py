"""What people see: progress and notes on stderr, results on stdout. NO_COLOR is honoured (by rich).

With `promo --log-format json`, or OFFERHOUSE_LOG_FORMAT=json, what goes to stderr is one JSON object a line: at (UTC, ISO
8601), level (info, error) and message, and for errors exit_code. Progress then comes as lines too.
"""

import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class JsonConsole(Console):
    """A console whose every line is a JSON object, for programs."""

    def print(self, *objects: Any, **_: Any) -> None:
        """One line of level info, unless the console is quiet."""
        if not self.quiet:
            print(json_line("info", " ".join(map(str, objects))), file=sys.stderr)


def logs_json() -> bool:
    """Whether stderr is read by a program."""
    return os.environ.get("OFFERHOUSE_LOG_FORMAT") == "json"


def json_line(level: str, message: str, **more: Any) -> str:
    """One line of the JSON log."""
    told = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level, "message": message}
    return json.dumps(told | more, ensure_ascii=False)


def messages(quiet: bool = False) -> Console:
    """Console for progress and notes (stderr); silent when `quiet`. Text is never read as markup."""
    if logs_json():
        return JsonConsole(quiet=quiet, force_terminal=False)
    return Console(stderr=True, quiet=quiet, highlight=False, markup=False, soft_wrap=True)


def results() -> Console:
    """Console for results (stdout)."""
    return Console(highlight=False, markup=False)


def progress(console: Console) -> Progress:
    """One bar per task; a task whose total is unknown pulses. Draws nothing where there is no terminal."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[outcome]}", markup=False),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def columns(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows under headings as aligned text, two spaces apart; nothing is cut off, however narrow the terminal."""
    lines = [list(headings), *map(list, rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(headings))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)
