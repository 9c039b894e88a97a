"""What the columns of a shop's tables hold: types, shares of values that read as numbers, days, addresses; keys; overlap.

All of it is computed by SQL over the first LOOKED_AT rows of each table; whether a column is a key, and whether the values of one
stand in another, over all rows of the other. No value is kept but words of short lists (event types, states of orders).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import duckdb

from promo_cli.connectors.readability import text_value
from promo_cli.mapping.source import SourceTable
from promo_cli.warehouse import quoted_name, quoted_text

LOOKED_AT = 100_000
"""Rows of a table that are looked at."""

COMPARED = 1_000
"""Values of a column that are looked for in another."""

SHAPES_OF = 5_000
"""Values of a column whose writing is looked at."""

FLAG_WORDS = (
    *("true", "false", "yes", "no", "y", "n", "t", "f", "0", "1", "active", "inactive"),
    *("subscribed", "not_subscribed", "unsubscribed"),
)

MOST_WORDS = 60

WORD_LENGTH = 40

# A moment as DuckDB reads none: pattern of the text, format for strptime.
ODD_MOMENTS = {
    r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}:\d{2}": ("%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S"),
    r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}": ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"),
    r"\d{1,2}/\d{1,2}/\d{4}": ("%d/%m/%Y", "%m/%d/%Y"),
    r"\d{1,2}\.\d{1,2}\.\d{4} \d{1,2}:\d{2}:\d{2}": ("%d.%m.%Y %H:%M:%S",),
    r"\d{1,2}\.\d{1,2}\.\d{4} \d{1,2}:\d{2}": ("%d.%m.%Y %H:%M",),
    r"\d{1,2}\.\d{1,2}\.\d{4}": ("%d.%m.%Y",),
    r"\d{8}": ("%Y%m%d",),
    r"\d{14}": ("%Y%m%d%H%M%S",),
}
SIGN = r" ?([A-Z]{3}|R\$|kr|[^A-Za-z0-9 ,.-]{1,3})? ?"
"""A currency beside an amount."""

BARE_OFFSET = r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)? ?[+-]\d{4}"
"""2024-03-01 10:12:33 -0500: an offset without a colon, which DuckDB doesn't read."""


@dataclass(frozen=True)
class Column:
    """A column of a shop's table, as its first rows show it. Shares are of the values that aren't blank."""

    table: str
    name: str
    data_type: str
    filled: float
    distinct: int
    values: int
    numbers: float = 0
    whole: float = 0
    least: float = 0
    greatest: float = 0
    moments: float = 0
    zoned: float = 0
    odd_format: str | None = None
    bare_offset: bool = False
    emails: float = 0
    booleans: float = 0
    decimal_comma: bool = False
    money_signs: bool = False
    words: tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether it is stored as text, as every column of a CSV file is."""
        return self.data_type == "VARCHAR"

    @property
    def sql(self) -> str:
        """The column as SQL, under its table's name."""
        return f"{plain_or_quoted(self.table)}.{plain_or_quoted(self.name)}"

    @property
    def shown(self) -> str:
        """The column for people."""
        return f"{self.table}.{self.name}"


@dataclass(eq=False)
class Shop:
    """A shop's tables and what was seen of their columns. `connection` has them under source."""

    connection: duckdb.DuckDBPyConnection
    tables: dict[str, SourceTable]
    rows: dict[str, int] = field(default_factory=dict)
    columns: dict[str, list[Column]] = field(default_factory=dict)

    def column(self, table: str, name: str) -> Column | None:
        """A column by its table and name, without regard to case."""
        found = [column for column in self.columns.get(table, []) if column.name.lower() == name.lower()]
        return found[0] if found else None

    @cache  # noqa: B019 - a shop lives as long as one run of promo init
    def is_key(self, table: str, name: str) -> bool:
        """Whether no value stands twice in the column, over all rows, and it is never blank."""
        column = self.column(table, name)
        if column is None or column.distinct < column.values or column.filled < 1 or not column.values:
            return False
        value = f"cast({quoted_name(name)} as varchar)"
        if column.emails > 0.8:  # which links compare however they are written
            value = f"lower(trim({value}))"
        return bool(self._one(f"select count(*) = count(distinct {value}) from {self._whole(table)}"))

    @cache  # noqa: B019
    def found_in(self, child: Column, parent: Column) -> float:
        """Share of the child's values (COMPARED of them) that stand in the parent, read without regard to case and spaces."""
        of_child, of_parent = (
            f"lower(trim({text_value(quoted_name(column.name), column.data_type)}))" for column in (child, parent)
        )
        share = self._one(
            f"with wanted as materialized (select distinct {of_child} as value from looked_at.{quoted_name(child.table)} "
            f"where {of_child} <> '' order by hash(value) limit {COMPARED}), "
            f"known as (select {of_parent} as value from {self._whole(parent.table)}) "
            "select (select count(distinct value) from known semi join wanted using (value)) / (select count(*) from wanted)"
        )
        return float(share or 0)

    def _whole(self, table: str) -> str:
        """All rows of a table as SQL: those looked at where they are all, which saves reading a file again."""
        return f"{'source' if self.rows[table] > LOOKED_AT else 'looked_at'}.{quoted_name(table)}"

    def _one(self, query: str) -> Any:
        return self.connection.execute(query).fetchall()[0][0]


def look(connection: duckdb.DuckDBPyConnection, tables: list[SourceTable]) -> Shop:
    """Look at the tables, which `connection` has under source: rows, columns, what they hold. Raises duckdb.Error."""
    shop = Shop(connection, {table.name: table for table in tables})
    connection.execute("attach ':memory:' as looked_at")
    for name in shop.tables:
        relation = f"looked_at.{quoted_name(name)}"
        connection.execute(f"create table {relation} as select * from source.{quoted_name(name)} limit {LOOKED_AT}")
        rows = int(shop._one(f"select count(*) from {relation}"))
        shop.rows[name] = rows if rows < LOOKED_AT else int(shop._one(f"select count(*) from source.{quoted_name(name)}"))
        described = connection.sql(f"select * from {relation}")
        shop.columns[name] = [
            _column(connection, relation, name, column, str(data_type), rows)
            for column, data_type in zip(described.columns, described.types, strict=True)
        ]
    return shop


def plain_or_quoted(name: str) -> str:
    """A name as SQL, in quotes only where it needs them."""
    is_plain = name.isascii() and name.isidentifier() and name == name.lower() and name not in _reserved()
    return name if is_plain else quoted_name(name)


@cache
def _reserved() -> frozenset[str]:
    with duckdb.connect() as connection:
        found = connection.execute("select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'").fetchall()
    return frozenset(str(row[0]) for row in found)


def _column(connection: duckdb.DuckDBPyConnection, relation: str, table: str, name: str, data_type: str, rows: int) -> Column:
    value = f"nullif(trim(cast({quoted_name(name)} as varchar)), '')"
    counted = connection.execute(
        f"""
        with seen as (
            select {value} as value, try_cast({value} as double) as number from {relation} where {value} is not null
        )
        select
            count(*), count(distinct value),
            avg(case when number is not null then 1.0 else 0 end), avg(case when number = floor(number) then 1.0 else 0 end),
            coalesce(min(number), 0), coalesce(max(number), 0)
        from seen
        """
    ).fetchall()[0]
    values, distinct, numbers, whole, least, greatest = counted
    if not values:
        return Column(table, name, data_type, 0, 0, 0)
    moments, offsets, zoned, emails, booleans, comma, signs, *formats = _shares(connection, relation, value)
    best = max(range(len(_ODD)), key=lambda at: formats[at])
    is_moment_type = data_type.startswith(("TIMESTAMP", "DATE"))
    return Column(
        table, name, data_type, values / rows, distinct, values,
        numbers=float(numbers), whole=float(whole), least=least, greatest=greatest,
        moments=1.0 if is_moment_type else max(moments, offsets),
        zoned=1.0 if data_type == "TIMESTAMP WITH TIME ZONE" else zoned,
        odd_format=_ODD[best][1] if formats[best] > 0.9 and not is_moment_type else None,
        bare_offset=offsets > 0.5,
        emails=emails, booleans=booleans,
        decimal_comma=numbers < 0.9 and comma > 0.9,
        money_signs=numbers < 0.9 and comma <= 0.9 and signs > 0.9,
        words=_words(connection, table, name) if distinct <= MOST_WORDS and not emails else (),
    )  # fmt: skip


_ODD = [(pattern, written) for pattern, formats in ODD_MOMENTS.items() for written in formats]


def _shares(connection: duckdb.DuckDBPyConnection, relation: str, value: str) -> list[float]:
    """Shares of the first SHAPES_OF values that are moments, … and, for each of _ODD, that are written so."""
    stripped = "replace(regexp_replace(value, '[^0-9.,-]', '', 'g'), ',', '')"
    conditions = [
        r"value ~ '\d{4}[-/]\d' and try_cast(value as timestamp) is not null",
        f"regexp_full_match(value, '{BARE_OFFSET}')",
        r"value ~ '[0-9](Z|[+-]\d\d(:?\d\d)?| UTC)$' and value ~ ':'",
        r"regexp_full_match(value, '[^@\s]+@[^@\s]+\.[^@\s]+')",
        f"lower(value) in ({', '.join(map(quoted_text, FLAG_WORDS))})",
        rf"regexp_full_match(value, '{SIGN}-?\d{{1,3}}(\.?\d{{3}})*(,\d{{1,2}}){SIGN}')",
        rf"regexp_full_match(value, '{SIGN}-?\d{{1,3}}(,?\d{{3}})*(\.\d+)?{SIGN}') "
        f"and try_cast({stripped} as double) is not null",
        *(
            f"regexp_full_match(value, '{pattern}') and try_strptime(value, {quoted_text(written)}) is not null"
            for pattern, written in _ODD
        ),
    ]
    shares = ", ".join(f"avg(case when {condition} then 1.0 else 0 end)" for condition in conditions)
    row = connection.execute(
        f"select {shares} from (select {value} as value from {relation} where {value} is not null limit {SHAPES_OF})"
    ).fetchall()[0]
    return [float(share) for share in row]


def _words(connection: duckdb.DuckDBPyConnection, table: str, name: str) -> tuple[str, ...]:
    """The values of a short list, the most frequent first, over all rows: the later ones of a log may bring new words."""
    value = f"nullif(trim(cast({quoted_name(name)} as varchar)), '')"
    found = connection.execute(
        f"select {value} as word from source.{quoted_name(table)} where {value} is not null "
        f"group by word order by count(*) desc, word limit {MOST_WORDS}"
    ).fetchall()
    return tuple(str(row[0])[:WORD_LENGTH] for row in found)
