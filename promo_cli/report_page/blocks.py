"""What a page is made of: sections of blocks, a block of plots and tables, each table with the query it comes from."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

Row = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """A heading, and the text of a row's cell."""

    heading: str
    told: Callable[[Row], str]
    look: str = ""
    """number: to the right; whole: in one line."""


@dataclass(frozen=True)
class Table:
    """Cells of text under headings; what a screen reader hears of a chart."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    query: str

    def cells(self) -> Iterable[list[tuple[str, str]]]:
        """The rows' cells, each with its look."""
        for row in self.rows:
            yield [(column.told(row), column.look) for column in self.columns]


@dataclass(frozen=True)
class Plot:
    """One chart: a Vega-Lite specification."""

    title: str
    spec: Row
    size: str = ""
    """small: no wider than it needs; wide: rather scrolled than squeezed."""


@dataclass(frozen=True)
class Block:
    """A titled part of a section. Tables beside plots are folded away unless it is_open; one that stands alone never is."""

    id: str
    title: str
    lead: str | Markup = ""
    plots: Sequence[Plot] = ()
    tables: Sequence[Table] = ()
    note: str = ""
    is_card: bool = False
    is_open: bool = False


@dataclass
class Section:
    """A part of the page that its contents list names."""

    id: str
    title: str
    lead: Sequence[str | Markup] = ()
    blocks: list[Block] = field(default_factory=list)
