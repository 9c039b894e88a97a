"""How a row's values become cells: one place for what is not shown, and how money is rounded in a column."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from promo_cli.report_page.blocks import Column, Row
from promo_cli.report_page.numbers import Numbers
from promo_cli.report_page.read import Rows
from promo_cli.report_page.words import Words

NOTHING = "–"
WHOLE_FROM = 1000
"""A column of money that reaches so far is told without cents."""


@dataclass(frozen=True)
class Teller:
    """The page's words and numbers, its figures by query, and the policy's min_audience_size."""

    words: Words
    numbers: Numbers
    figures: dict[str, Rows]
    min_people: int

    def text(self, name: str, field: str | None = None, label: str | None = None) -> Column:
        """A column of words, looked up as `label` where it is given."""
        field = field or name
        return self.column(name, lambda row: self.words.label(label, row[field]) if label else row[field])

    def count(self, name: str, field: str | None = None, *, of_people: bool = False) -> Column:
        """A column of whole numbers; where they count or follow from people, an empty one is a number of few."""
        field = field or name
        return self.column(
            name, lambda row: self.people(row[field]) if of_people else self._told(row[field], self.numbers.count), "number"
        )

    def money(self, name: str, rows: Rows, field: str | None = None) -> Column:
        """A column of amounts, all with cents or none."""
        field = field or name
        told = self.amount(row[field] for row in rows)
        return self.column(name, lambda row: self._told(row[field], told), "number")

    def share(self, name: str, field: str | None = None) -> Column:
        """A column of percents."""
        field = field or name
        return self.column(name, lambda row: self._told(row[field], self.numbers.share), "number")

    def number(self, name: str, field: str | None = None, digits: int = 3) -> Column:
        """A column of numbers with so many decimals."""
        field = field or name
        return self.column(name, lambda row: self._told(row[field], lambda value: self.numbers.number(value, digits)), "number")

    def days(self, name: str, field: str | None = None) -> Column:
        """A column of days, or of moments to the minute."""
        field = field or name
        return self.column(name, lambda row: self._told(row[field], self._day), "whole")

    def yes(self, name: str, field: str | None = None) -> Column:
        """A column of yes and no."""
        field = field or name
        return self.column(name, lambda row: self.words.say("page.yes" if row[field] else "page.no"))

    def column(self, name: str, told: Callable[[Row], Any], look: str = "") -> Column:
        """A column with the heading columns.<name>; what `told` gives is text, None an empty cell."""

        def text(row: Row) -> str:
            value = told(row)
            return NOTHING if value is None or value == "" else str(value)

        return Column(self.words.say(f"columns.{name}"), text, look)

    def hidden(self, column: Column, where: Callable[[Row], bool]) -> Column:
        """The column, whose empty cells say, in rows `where` it is so, that they follow from too few people."""

        def text(row: Row) -> str:
            told = column.told(row)
            return self.words.say("page.not_shown") if told == NOTHING and where(row) else told

        return Column(column.heading, text, column.look)

    def people(self, count: int | None) -> str:
        """A number of people; None: fewer than may be told."""
        return self.words.say("page.few", count=self.min_people) if count is None else self.numbers.count(count)

    def amount(self, values: Any) -> Callable[[Any], str]:
        """How amounts that stand together are told."""
        whole = max((abs(value) for value in values if value is not None), default=0) >= WHOLE_FROM
        return lambda value: self.numbers.money(value, whole)

    def interval(self, low: float | None, high: float | None, digits: int = 3) -> str:
        """Two ends."""
        if low is None or high is None:
            return NOTHING
        return f"{self.numbers.number(low, digits)} – {self.numbers.number(high, digits)}"

    def with_interval(self, told: str, low: float, high: float, digits: int = 3) -> str:
        """A figure and its interval."""
        return f"{told} ({self.interval(low, high, digits)})"

    def _told(self, value: Any, told: Callable[[Any], str]) -> str | None:
        return None if value is None else told(value)

    def _day(self, value: date) -> str:
        return self.numbers.moment(value) if isinstance(value, datetime) else self.numbers.short_day(value)


def named_apart(rows: Rows, name: str, key: str) -> Rows:
    """The rows, where two keys share a name each with its key behind it: charts know bars by their names."""
    keys: dict[str, set[str]] = {}
    for row in rows:
        keys.setdefault(row[name], set()).add(row[key])
    return [row | {name: f"{row[name]} ({row[key]})"} if len(keys[row[name]]) > 1 else row for row in rows]


def in_order(values: Sequence[Any]) -> list[Any]:
    """Each value once, as first met."""
    return list(dict.fromkeys(values))
