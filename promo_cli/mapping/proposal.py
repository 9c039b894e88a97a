"""What a proposal for one table of the contract is, and the SQL it stands for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from promo_cli.mapping.keys import Link
from promo_cli.mapping.profile import plain_or_quoted

ROWS = "-- Rows: source."
"""Begins the line that names the table of whose rows every one is to end up somewhere: what a filter leaves out is counted."""


@dataclass(frozen=True)
class Field:
    """A column of the contract: its SQL, where it is from and why, for people."""

    column: str
    sql: str
    source: str
    reason: str
    is_plain: bool = False


@dataclass(frozen=True)
class Filter:
    """A condition that rows keep, and why. `over_window`: it looks at other rows as well."""

    sql: str
    reason: str
    over_window: bool = False


@dataclass(frozen=True)
class Proposal:
    """A table of the contract from the rows of `base` and what they point at."""

    table: str
    base: str
    fields: tuple[Field, ...]
    links: tuple[Link, ...] = ()
    joins: tuple[tuple[str, str], ...] = ()
    filters: tuple[Filter, ...] = ()
    one_row_by: str | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def columns(self) -> set[str]:
        """Names of the contract's columns that are filled."""
        return {field.column for field in self.fields}

    @property
    def is_renames(self) -> bool:
        """Whether nothing but names differs: then vars of the dbt project say it all."""
        return not (self.links or self.joins or self.filters or self.one_row_by) and all(field.is_plain for field in self.fields)

    def changed(self, column: str, changed: Field | None) -> Proposal:
        """With another field for `column`, or without one."""
        kept = [
            changed if field.column == column and changed else field for field in self.fields if field.column != column or changed
        ]
        if changed and column not in self.columns:
            kept.append(changed)
        return replace(self, fields=tuple(kept))

    @property
    def sql(self) -> str:
        """The file that a person reads, edits, and `promo load` follows."""
        base = plain_or_quoted(self.base)
        counted = f"{ROWS}{base}" if self.one_row_by is None else f"-- One row for each {self.one_row_by}."
        lines = [f"-- {self.table}, from {self.base}. Written by promo init: edit it, it is yours, and load again.", counted]
        lines += [f"-- {note}" for note in self.notes]
        lines.append("select")
        for at, field_ in enumerate(self.fields, 1):
            comma = "," if at < len(self.fields) else ""
            lines.append(f"    -- {field_.column}: {_one_line(field_.reason)}")
            lines.append(f"    {field_.sql} as {plain_or_quoted(field_.column)}{comma}")
        lines.append(f"from source.{base} as {base}")
        for link in self.links:
            lines += [f"-- {link.reason}", link.sql]
        for sql, reason in self.joins:
            lines += [f"-- {_one_line(reason)}", sql]
        conditions = [filter_ for filter_ in self.filters if not filter_.over_window]
        windows = [filter_ for filter_ in self.filters if filter_.over_window]
        for word, filters in (("where", conditions), ("qualify", windows)):
            for at, filter_ in enumerate(filters):
                lines += [f"-- {_one_line(filter_.reason)}", f"{word if at == 0 else '    and'} {filter_.sql}"]
        if self.one_row_by is not None:
            key = next(field_ for field_ in self.fields if field_.column == self.one_row_by)
            lines.append(
                f"{'    and' if windows else 'qualify'} row_number() over (partition by {key.sql} order by {self._order()}) = 1"
            )
        return "\n".join(lines) + "\n"

    def _order(self) -> str:
        """The fullest row of a key's rows, and among such always the same."""
        nullable = [field_ for field_ in self.fields if field_.column != self.one_row_by and "over (" not in field_.sql]
        filled = " + ".join(f"({field_.sql} is not null)::int" for field_ in nullable) or "0"
        return f"{filled} desc, {plain_or_quoted(self.base)}::varchar"


def _one_line(text: str) -> str:
    return " ".join(text.split())
