"""What people see: progress and notes on stderr, results on stdout. NO_COLOR is honoured (by rich)."""

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


def messages(quiet: bool = False) -> Console:
    """Console for progress and notes (stderr); silent when `quiet`. Text is never read as markup."""
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
