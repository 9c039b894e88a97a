"""Which column of a table points at the key of another."""

from __future__ import annotations

from dataclasses import dataclass

from promo_cli.connectors.readability import text_value
from promo_cli.mapping.hints import entity
from promo_cli.mapping.profile import Column, Shop, plain_or_quoted
from promo_cli.mapping.source import plain_name

LEAST_FOUND = 0.5
"""Least share of values that have to stand in the key of a table, where the names say that they do."""

_ANY_TABLES = frozenset({
    *("id", "entity_id", "object_id", "record_id", "row_id", "uuid", "guid", "pk", "key", "code", "number", "version"),
    *("name", "title", "description", "position", "row_number", "index"),
})  # fmt: skip
"""Names of columns that any table has of its own: two of them are no reference, however many of their numbers are the same."""

LEAST_FOUND_UNNAMED, LEAST_DISTINCT_UNNAMED = 0.95, 20
"""The same where the values alone say it."""


_LISTED_ONCE = ("order", "customer", "product")
"""What a table whose name ends so lists, one a row, whatever stands before it."""


@dataclass(frozen=True)
class Link:
    """Values of `child` stand in `parent`, which is a key: `found` is their share."""

    child: Column
    parent: Column
    found: float

    @property
    def sql(self) -> str:
        """The join to the parent's table; no row of the child's is lost."""
        relation = plain_or_quoted(self.parent.table)
        return f"left join source.{relation} as {relation}\n    on {_side(self.child, self)} = {_side(self.parent, self)}"

    @property
    def reason(self) -> str:
        """In words."""
        return f"{self.child.shown} is a {self.parent.shown}: {told_share(self.found)} found"


def told_share(share: float) -> str:
    """A share in percent; 100 % is said of all alone."""
    percent = 100 * share
    return "100 %" if share == 1 else f"{min(99.9, percent):.1f} %".replace(".0 %", " %")


def _side(column: Column, link: Link) -> str:
    if max(link.child.emails, link.parent.emails) > 0.8:
        return f"lower(trim({column.sql}))"
    return column.sql if link.child.data_type == link.parent.data_type else text_value(column.sql, column.data_type)


def links_of(shop: Shop) -> dict[str, list[Link]]:
    """By table, the links from it to others, the best first, one a table."""
    keys = [
        column
        for table in shop.columns
        for column in shop.columns[table]
        if _may_be_key(column) and shop.is_key(table, column.name)
    ]
    links: dict[str, list[Link]] = {}
    for table, columns in shop.columns.items():
        best: dict[str, tuple[tuple[bool, float], Link]] = {}
        for child in columns:
            for parent in keys:
                if parent.table == table or not child.values:
                    continue
                by_name = _are_kin(child, parent)
                if not by_name and not _is_telling(child, parent):
                    continue
                link = Link(child, parent, shop.found_in(child, parent))
                if link.found < (LEAST_FOUND if by_name else LEAST_FOUND_UNNAMED):
                    continue
                rank = (by_name, link.found)
                if parent.table not in best or rank > best[parent.table][0]:
                    best[parent.table] = (rank, link)
        links[table] = [link for _, link in sorted(best.values(), key=lambda ranked: ranked[0], reverse=True)]
    return links


def paths_from(table: str, links: dict[str, list[Link]], most: int = 2) -> dict[str, tuple[Link, ...]]:
    """By table that can be reached over at most `most` links, the links to it; the table itself with none."""
    paths: dict[str, tuple[Link, ...]] = {table: ()}
    frontier = [table]
    for _ in range(most):
        reached = []
        for at in frontier:
            for link in links.get(at, []):
                if link.parent.table not in paths:
                    paths[link.parent.table] = (*paths[at], link)
                    reached.append(link.parent.table)
        frontier = reached
    return paths


def _may_be_key(column: Column) -> bool:
    return column.moments < 0.9 and column.distinct > 1 and not (column.numbers > 0.9 and column.whole < 0.9)


def _are_kin(child: Column, parent: Column) -> bool:
    known, of_parent = plain_name(child.name), plain_name(parent.name)
    if known in _ANY_TABLES:
        return False
    if known == of_parent:
        return True
    whole = plain_name(parent.table).removesuffix("s")
    last = whole.rpartition("_")[2]  # sales_order and wc_orders are orders
    of_parent = "id" if of_parent == "entity_id" else of_parent
    if known in (f"{whole}_{of_parent}", whole) or (last in _LISTED_ONCE and known == f"{last}_{of_parent}"):
        return True
    return entity(child) is not None and entity(child) == entity(parent)


def _is_telling(child: Column, parent: Column) -> bool:
    """Whether equal values are no accident: texts of many values, not numbers that any counter counts."""
    return all(
        column.is_text and column.numbers < 0.5 and column.moments < 0.5 and column.distinct >= LEAST_DISTINCT_UNNAMED
        for column in (child, parent)
    )
