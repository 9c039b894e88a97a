"""Tables of text: figures to the right, words to the left, and no wider than the terminal."""

import re
import shutil
import sys
import textwrap
from collections.abc import Sequence

_FIGURE = re.compile(r"[-+−]?[\d,]*\.?\d+( ?%)?")
_NARROWEST = 18  # characters of a wrapped column of words


def columns(
    headings: Sequence[str], rows: Sequence[Sequence[str]], right: set[int] | None = None, width: int | None = None
) -> str:
    """Rows under headings as aligned text, two spaces apart. Nothing is cut off.

    Columns of `right` (None: those but for the first in which most cells are figures) are set to the right. `width` is in
    characters (None: the terminal's; without one there is no bound). Where a table is wider, its widest column of words is
    wrapped, and where that is not enough each row is told as lines of its own, `heading  value`.
    """
    bound = _terminal_width() if width is None else width
    right = _figures(rows, len(headings)) if right is None else right
    widths = [max(map(len, (line[place] for line in (headings, *rows)))) for place in range(len(headings))]
    over = sum(widths) + 2 * (len(widths) - 1) - bound if bound else 0
    if over <= 0:
        return _aligned(headings, rows, widths, right)
    words = [place for place in range(len(widths)) if place not in right]
    widest = max(words, key=lambda place: widths[place], default=None)
    if widest is not None and widths[widest] - over >= max(_NARROWEST, len(headings[widest])):
        widths[widest] -= over
        return _aligned(headings, [line for row in rows for line in _wrapped(row, widest, widths[widest])], widths, right)
    return _listed(headings, rows, bound)


def facts(rows: Sequence[tuple[str, str]], width: int | None = None) -> str:
    """`name  value` lines, values below each other and wrapped to the terminal (`width`: as in `columns`)."""
    bound = _terminal_width() if width is None else width
    edge = max((len(name) for name, _ in rows), default=0) + 2
    lines = []
    for name, value in rows:
        parts = _lines(value, bound - edge) if bound else [value]
        lines += [f"{name if number == 0 else '':<{edge}}{part}".rstrip() for number, part in enumerate(parts)]
    return "\n".join(lines)


def _terminal_width() -> int:
    """0 where standard output is no terminal: a file or a program wants whole lines."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def _figures(rows: Sequence[Sequence[str]], count: int) -> set[int]:
    found = set()
    for place in range(1, count):
        cells = [row[place] for row in rows if row[place]]
        if sum(_FIGURE.fullmatch(cell) is not None for cell in cells) * 2 > len(cells):
            found.add(place)
    return found


def _aligned(headings: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], right: set[int]) -> str:
    def line(cells: Sequence[str]) -> str:
        told = [
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(told).rstrip()

    return "\n".join(map(line, (headings, *rows)))


def _wrapped(row: Sequence[str], place: int, width: int) -> list[list[str]]:
    lines = []
    for number, part in enumerate(_lines(row[place], width)):
        cells = list(row) if number == 0 else [""] * len(row)
        cells[place] = part
        lines.append(cells)
    return lines


def _lines(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, _NARROWEST), break_on_hyphens=False) or [""]


def _listed(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> str:
    return "\n\n".join(facts(list(zip(headings, row, strict=True)), width) for row in rows)
