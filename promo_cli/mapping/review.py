"""A proposal before people: shown as a table, changed line by line, and tried on the shop's tables."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import duckdb

from promo_cli.connectors.near_match import did_you_mean, listed
from promo_cli.contract import Table
from promo_cli.errors import USAGE_FAULT, PromoError, duckdb_reason
from promo_cli.mapping.keys import links_of, paths_from
from promo_cli.mapping.profile import Shop
from promo_cli.mapping.proposal import Field, Proposal
from promo_cli.warehouse import quoted_name

LEAVE_OUT = "-"


@dataclass(frozen=True)
class Line:
    """A line of the shown mapping: its number, the table and the column of the contract, and the field."""

    number: int
    table: str
    field: Field


@dataclass(frozen=True)
class Tried:
    """What a proposal makes of the shop's tables: rows, rows left out by filters, and the share of blanks in required columns."""

    rows: int
    left_out: int
    blanks: dict[str, float]


def numbered(proposals: dict[str, Proposal]) -> list[Line]:
    """The lines of all proposals, from 1."""
    fields = [(table, field) for table, proposal in proposals.items() for field in proposal.fields]
    return [Line(number, table, field) for number, (table, field) in enumerate(fields, 1)]


def changed(proposals: dict[str, Proposal], told: str, shop: Shop, contract: dict[str, Table]) -> dict[str, Proposal]:
    """The proposals after a change in words: `12=orders.placed_at`, `12='EUR'` (any SQL), `12=-` (left out), `events=-`, or
    `users.region=customers.state` for a column that has no line yet.

    Raises PromoError (exit code 2) when the line, the table or the column isn't there, or the SQL doesn't run.
    """
    place, separator, value = (part.strip() for part in told.partition("="))
    if not separator or not value:
        raise PromoError("write e.g. 12=orders.placed_at, 12='EUR', 12=- or events=-", USAGE_FAULT)
    if place in proposals and value == LEAVE_OUT:
        return {table: proposal for table, proposal in proposals.items() if table != place}
    table, column = _target(place, proposals, contract)
    proposal = proposals[table]
    if value == LEAVE_OUT:
        if column in contract[table].required_columns:
            raise PromoError(
                f"{table}.{column} is required; give another column or any SQL, or leave the table out: {table}=-", USAGE_FAULT
            )
        return proposals | {table: proposal.changed(column, None)}
    of_table, name = _named(value, proposal.base, shop)
    found = shop.column(of_table, name)
    if found is None:
        if value != name and re.fullmatch(r"\w+", name):  # else it is SQL
            names = [known.name for known in shop.columns[of_table]]
            raise PromoError(f"{of_table} has no column {name}{did_you_mean(name, names)}; it has {listed(names)}", USAGE_FAULT)
        return proposals | {table: tried_sql(proposal.changed(column, Field(column, value, "SQL", "as you said")), shop)}
    path = paths_from(proposal.base, links_of(shop)).get(found.table)
    if path is None:
        raise PromoError(
            f"nothing in {proposal.base} points at {found.table}; write a join into mapping/{table}.sql instead", USAGE_FAULT
        )
    links = (
        *proposal.links,
        *(link for link in path if link.parent.table not in {known.parent.table for known in proposal.links}),
    )
    field = Field(column, found.sql, found.shown, "as you said", found.table == proposal.base)
    return proposals | {table: tried_sql(replace(proposal.changed(column, field), links=links), shop)}


def _named(value: str, base: str, shop: Shop) -> tuple[str, str]:
    """Table and column as a proposal shows them, whatever signs are in their names; a column of `base` where no table is told."""
    table = next((table for table in sorted(shop.columns, key=len, reverse=True) if value.startswith(f"{table}.")), None)
    return (table, value[len(table) + 1 :].strip('"')) if table else (base, value.strip('"'))


def _target(place: str, proposals: dict[str, Proposal], contract: dict[str, Table]) -> tuple[str, str]:
    if place.isdecimal():
        lines = numbered(proposals)
        if not 1 <= int(place) <= len(lines):
            raise PromoError(f"there is no line {place}; they go from 1 to {len(lines)}", USAGE_FAULT)
        line = lines[int(place) - 1]
        return line.table, line.field.column
    table, _, column = place.partition(".")
    if table not in proposals:
        raise PromoError(f"no line and no table is called {place}{did_you_mean(table, proposals)}", USAGE_FAULT)
    known = [entry.name for entry in contract[table].columns]
    if column not in known and not column.startswith("x_"):
        raise PromoError(
            f"the contract's {table} has no column {column}{did_you_mean(column, known)}; it has {listed(known)}", USAGE_FAULT
        )
    return table, column


def tried_sql(proposal: Proposal, shop: Shop) -> Proposal:
    """The proposal, when its SQL runs. Raises PromoError (exit code 2) with the database's words when it doesn't."""
    try:
        shop.connection.sql(f"select * from (\n{proposal.sql}\n) limit 0").fetchall()
    except duckdb.Error as error:
        raise PromoError(f"that doesn't run: {duckdb_reason(error)}", USAGE_FAULT) from error
    return proposal


def try_out(proposals: dict[str, Proposal], shop: Shop, contract: dict[str, Table]) -> dict[str, Tried]:
    """Make every proposal's table in memory, as mapped.<table>, and look at it. Raises PromoError when its SQL doesn't run."""
    connection = shop.connection
    connection.execute("attach if not exists ':memory:' as mapped")
    found = {}
    for table, proposal in proposals.items():
        relation = f"mapped.{quoted_name(table)}"
        try:
            connection.execute(f"create or replace table {relation} as\n{proposal.sql}")
        except duckdb.Error as error:
            raise PromoError(
                f"the proposal for {table} doesn't run: {duckdb_reason(error)}; say {table}=- and write it by hand"
            ) from error
        required = [name for name in contract[table].required_columns if name in proposal.columns and name != "category"]
        blanks = ", ".join(
            f"avg(case when coalesce(trim(cast({quoted_name(name)} as varchar)), '') = '' then 1.0 else 0 end)"
            for name in required
        )
        row = connection.execute(f"select count(*){', ' + blanks if blanks else ''} from {relation}").fetchall()[0]
        shares = {name: float(share) for name, share in zip(required, row[1:], strict=True) if share}
        rows = int(row[0])
        if proposal.one_row_by is None and rows > shop.rows[proposal.base]:
            raise PromoError(
                f"the proposal for {table} makes {rows:,} rows of the {shop.rows[proposal.base]:,} of {proposal.base}: a join "
                f"finds several rows for one; change the columns that it serves, or say {table}=-"
            )
        found[table] = Tried(rows, shop.rows[proposal.base] - rows if proposal.one_row_by is None else 0, shares)
    return found
