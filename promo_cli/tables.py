"""Tables of text: figures to the right, words to the left, and no wider than the terminal."""

import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence

_FIGURE = re.compile(r"[-+−]?[\d,]*\.?\d+( ?%)?")
_NARROWEST = 12  # characters of a wrapped column of words


def columns(
    headings: Sequence[str], rows: Sequence[Sequence[str]], right: set[int] | None = None, width: int | None = None
) -> str:
    """Rows under headings as aligned text, two spaces apart. Nothing is cut off.

    Columns of `right` (None: those but for the first in which most cells are figures) are set to the right. `width` is in
    characters (None: the terminal's; without one there is no bound). Where a table is wider, its headings are wrapped, then its
    widest column of words, and where that is not enough each row is told as lines of its own, `heading  value`.
    """
    bound = terminal_width() if width is None else width
    right = _figures(rows, len(headings)) if right is None else right
    widths = [max(map(_length, (line[place] for line in (headings, *rows)))) for place in range(len(headings))]
    if not bound or _width(widths) <= bound:
        return _aligned([headings, *rows], widths, right)
    widths = [max(map(_length, [*heading.split(), *(row[place] for row in rows)])) for place, heading in enumerate(headings)]
    over = _width(widths) - bound
    if over > 0:
        words = [place for place in range(len(widths)) if place not in right]
        widest = max(words, key=lambda place: widths[place], default=None)
        if widest is None or widths[widest] - over < max(_NARROWEST, _longest_word(row[widest] for row in rows)):
            return _listed(headings, rows, bound)
        widths[widest] -= over
    lines = _wrapped(headings, widths, upwards=True)
    return _aligned([*lines, *(line for row in rows for line in _wrapped(row, widths))], widths, right)


def facts(rows: Sequence[tuple[str, str]], width: int | None = None) -> str:
    """`name  value` lines, values below each other and wrapped to the terminal (`width`: as in `columns`)."""
    bound = terminal_width() if width is None else width
    edge = max((len(name) for name, _ in rows), default=0) + 2
    lines = []
    for name, value in rows:
        parts = _lines(value, max(bound - edge, _NARROWEST)) if bound else [value]
        lines += [f"{name if number == 0 else '':<{edge}}{part}".rstrip() for number, part in enumerate(parts)]
    return "\n".join(lines)


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 file`, `1,200 files`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def terminal_width() -> int:
    """0 where standard output is no terminal: a file or a program wants whole lines."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def wrapped(text: str) -> str:
    """Lines no wider than the terminal, the rest of each below its indentation and two spaces more."""
    width = terminal_width()
    if not width:
        return text
    lines = []
    for line in text.split("\n"):
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        long = len(line) > width
        fitted = textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        lines.append(fitted if long else line)
    return "\n".join(lines)


def _figures(rows: Sequence[Sequence[str]], count: int) -> set[int]:
    found = set()
    for place in range(1, count):
        cells = [row[place] for row in rows if row[place]]
        if sum(_FIGURE.fullmatch(cell) is not None for cell in cells) * 2 > len(cells):
            found.add(place)
    return found


def _length(text: str) -> int:
    """Columns that a terminal gives to `text`: two to a Chinese character and its like, none to a combining mark."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(letter) else 2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _width(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _aligned(lines: Sequence[Sequence[str]], widths: Sequence[int], right: set[int]) -> str:
    return "\n".join(
        "  ".join(
            " " * (width - _length(cell)) + cell if place in right else cell + " " * (width - _length(cell))
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in lines
    )


def _wrapped(cells: Sequence[str], widths: Sequence[int], upwards: bool = False) -> list[list[str]]:
    """The cells over as many lines as the longest needs; `upwards`: short ones stand in the last line."""
    parts = [_lines(cell, width) for cell, width in zip(cells, widths, strict=True)]
    height = max(map(len, parts))
    filled = [[""] * (height - len(part)) + part if upwards else part + [""] * (height - len(part)) for part in parts]
    return [list(line) for line in zip(*filled, strict=True)]


def _longest_word(cells: Iterable[str]) -> int:
    return max((len(word) for cell in cells for word in cell.split()), default=0)


def _lines(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 1), break_long_words=False, break_on_hyphens=False) or [""]


def _listed(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> str:
    return "\n\n".join(facts(list(zip(headings, row, strict=True)), width) for row in rows)
