"""A database file written anew without some people: what is deleted from a DuckDB file stays in its free blocks.

Every table is asked by the catalogue, none is named here but the few that hold people without a column for them. A row goes
when it names the person: by a user's key in any text, by the shop's own id in a column of users, or by an order, basket,
offer or redemption of theirs. An e-mail address of theirs in other people's texts is blanked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import duckdb

from promo_cli.person import Person
from promo_cli.warehouse import quoted_name, quoted_text

LINKS = ("order_id", "basket_id", "offer_id", "redemption_id", "review_id", "event_id")
"""Keys of what one person did: rows of tables without a column for users are found by them."""

BLANK = "[erased]"
# A pseudonym has 32 hex digits and stands in no text by chance; the shop's own ids may be as short as 7.
_LEAST_TELLING = 32


class PeopleIn:
    """The people in one attached database: which rows are theirs."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, catalog: str, people: Sequence[Person]) -> None:
        """`catalog` is the attached database's name; makes temporary tables named after it."""
        self._connection, self._catalog = connection, catalog
        self._columns = _columns(connection, catalog)
        ids = {person.shop_user_id for person in people} | {key for person in people for key in person.keys}
        self._tellers = sorted(key for key in ids if len(key) >= _LEAST_TELLING)
        self.emails = sorted({email for person in people for email in person.emails if "@" in email})
        self._names, self._links = f"{catalog}_names", f"{catalog}_links"
        connection.execute(f"create or replace temp table {self._names} as select unnest($ids) as name", {"ids": sorted(ids)})
        self._find_links()

    @property
    def tables(self) -> list[tuple[str, str]]:
        """Schema and name of every table."""
        return list(self._columns)

    def theirs(self, schema: str, table: str) -> str:
        """SQL condition, never null, over the table's columns: this row is theirs."""
        columns = self._columns[schema, table]
        texts = [quoted_name(name) for name, kind in columns.items() if _holds_text(kind)]
        users = [quoted_name(name) for name in columns if _names_users(name)]
        conditions = [f"cast({user} as varchar) in (from {self._names})" for user in users]
        if not conditions:
            conditions += [
                f"('{link}', cast({quoted_name(link)} as varchar)) in (from {self._links})" for link in LINKS if link in columns
            ]
        if "rejected_row" in columns:
            conditions.append(f"(rejected_row ->> 'user_id') in (from {self._names})")
        if (schema, table) == ("shop", "load_rejects"):
            words = "regexp_split_to_array(row_text, '[\\s,;|\"]+')"
            conditions.append(f"list_has_any({words}, (select list(name) from {self._names}))")
            if self.emails:
                conditions.append(_names_any("lower(row_text)", [email.lower() for email in self.emails]))
        others = [text for text in texts if text not in users]
        if self._tellers:
            conditions += [_names_any(f"cast({text} as varchar)", self._tellers) for text in others]
        return f"coalesce({' or '.join(conditions)}, false)" if conditions else "false"

    def blanked(self, schema: str, table: str) -> str:
        """Select list of the table's columns, e-mail addresses of theirs blanked in texts."""
        cells = []
        for name, kind in self._columns[schema, table].items():
            cell = quoted_name(name)
            if kind == "VARCHAR" and self.emails:
                emails = [email.lower() for email in self.emails]
                blank = f"regexp_replace({cell}, '(?i)' || {_any_of(emails)}, '{BLANK}', 'g')"
                cell = f"case when contains({cell}, '@') and {_names_any(f'lower({cell})', emails)} then {blank} else {cell} end"
            cells.append(f"{cell} as {quoted_name(name)}")
        return ", ".join(cells)

    def relation(self, schema: str, table: str) -> str:
        """The table as SQL."""
        return f"{self._catalog}.{quoted_name(schema)}.{quoted_name(table)}"

    def count(self) -> dict[str, int]:
        """Rows of theirs by table, where there are any."""
        found = {}
        for schema, table in self.tables:
            condition = self.theirs(schema, table)
            if condition != "false":
                ((rows,),) = self._connection.execute(
                    f"select count(*) from {self.relation(schema, table)} where {condition}"
                ).fetchall()
                if rows:
                    found[f"{schema}.{table}"] = int(rows)
        return found

    def _find_links(self) -> None:
        selects = [
            f"select distinct '{link}' as link, cast({quoted_name(link)} as varchar) as value "
            f"from {self.relation(schema, table)} where cast({quoted_name(user)} as varchar) in (from {self._names})"
            for (schema, table), columns in self._columns.items()
            for user in columns
            for link in LINKS
            if _names_users(user) and link in columns
        ]
        query = " union ".join(selects) or "select null::varchar as link, null::varchar as value where false"
        self._connection.execute(
            f"create or replace temp table {self._links} as select link, value from ({query}) where value is not null"
        )


def rewrite(connection: duckdb.DuckDBPyConnection, old: str, new: str, people: Sequence[Person]) -> dict[str, int]:
    """Writes the attached database `old` to the empty attached one `new` without `people`; returns the rows left out by table.

    Schemas, tables with their constraints, views, indexes and macros come along; the order of rows is kept.
    """
    theirs = PeopleIn(connection, old, people)
    connection.execute(f"copy from database {old} to {new} (schema)")
    before = {}
    for schema, table in theirs.tables:
        condition = theirs.theirs(schema, table)
        source, target = theirs.relation(schema, table), f"{new}.{quoted_name(schema)}.{quoted_name(table)}"
        if condition == "false":
            connection.execute(f"insert into {target} select {theirs.blanked(schema, table)} from {source}")
            continue
        ((kept,),) = connection.execute(
            f"insert into {target} select {theirs.blanked(schema, table)} from {source} where not {condition}"
        ).fetchall()
        ((all_rows,),) = connection.execute(f"select count(*) from {source}").fetchall()
        if kept != all_rows:
            before[f"{schema}.{table}"] = int(all_rows - kept)
    return before


def _columns(connection: duckdb.DuckDBPyConnection, catalog: str) -> dict[tuple[str, str], dict[str, str]]:
    """Columns with their types of each table, in order."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for schema, table, column, kind in connection.execute(
        "select columns.schema_name, columns.table_name, columns.column_name, columns.data_type "
        "from duckdb_columns() as columns inner join duckdb_tables() as tables using (database_name, schema_name, table_name) "
        "where columns.database_name = ? and not tables.temporary "
        "order by columns.schema_name, columns.table_name, columns.column_index",
        [catalog],
    ).fetchall():
        found.setdefault((schema, table), {})[column] = kind
    return found


def _names_users(column: str) -> bool:
    return column == "user_id" or column.endswith("_user_id")


def _holds_text(kind: str) -> bool:
    return "VARCHAR" in kind or kind == "JSON"


def _names_any(text: str, words: list[str]) -> str:
    """SQL condition: `text` has one of the words in it."""
    if len(words) == 1:
        return f"contains({text}, {quoted_text(words[0])})"
    return f"regexp_matches({text}, {_any_of(words)})"


def _any_of(words: list[str]) -> str:
    """A pattern of RE2 for one of the words, as SQL."""
    return quoted_text("|".join(re.sub(r"([^A-Za-z0-9_])", r"\\\1", word) for word in words))
