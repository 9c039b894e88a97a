"""A simulated shop with planted people: the SQL beside this file does the work, inside DuckDB, at any size."""

import re
from datetime import date, timedelta
from pathlib import Path

import duckdb

from promo_cli.connectors.shop_schema import Listener, Silence, TableLoad, count_rows, replacing_shop

END = date(2026, 1, 1)
"""The first day after the simulated shop's data; fixed, so that a seed means the same shop on any day."""

BLOCK = 50_000
"""People at a time: what they do is made in blocks, in memory that doesn't grow with the shop."""

RECORDED = ("order_lines", "events", "reviews", "returns")
"""The tables that record what people do."""

SQL_FOLDER = Path(__file__).with_name("simulated_shop")


def load(
    connection: duckdb.DuckDBPyConnection, users: int, days: int, seed: int, products: int, listener: Listener | None = None
) -> list[TableLoad]:
    """Replaces schema `shop` by a simulated one, all or nothing; schema `truth` keeps who its people are.

    About 100 events and order lines a user and year. The same numbers give the same rows in the same order, whatever
    the number of threads.
    """
    listener = listener or Silence()
    categories = max(12, min(60, products // 50))
    products -= products % categories
    for name, value in {
        "sim_users": users,
        "sim_days": days,
        "sim_seed": str(seed),
        "sim_products": products,
        "sim_categories": categories,
        "sim_first_day": END - timedelta(days=days),
    }.items():
        connection.execute(f"set variable {name} = $value", {"value": value})
    for _, statement in _statements("randomness"):
        connection.execute(statement)
    # all that makes it, for models know by it which shop they learned from
    source = f"simulated: {users} users, {days} days, {products} products, seed {seed}"
    settings = {"source": source, "shop_timezone": "UTC", "currency": "USD"}
    loads = []
    with replacing_shop(connection, settings):
        connection.execute("create schema truth")
        for name, statement in _statements("truth"):
            listener.started(name)
            connection.execute(statement)
            listener.finished(TableLoad(name, count_rows(connection, name)))
        listener.started("behaviour")
        for first in range(0, users, BLOCK):
            connection.execute("set variable sim_from = $first", {"first": first})
            connection.execute("set variable sim_to = $last", {"last": min(first + BLOCK, users)})
            for name, statement in _statements("behaviour"):
                grown = statement.replace(f"create table {name} as", f"insert into {name}") if first else statement
                connection.execute(grown)
        listener.finished(TableLoad("behaviour", count_rows(connection, "truth.orders")))
        loads += [TableLoad(name, count_rows(connection, f"shop.{name}")) for name in RECORDED]
        for name, statement in _statements("shop"):
            listener.started(name)
            connection.execute(statement)
            loads.append(TableLoad(name, count_rows(connection, f"shop.{name}")))
            listener.finished(loads[-1])
        connection.execute("drop table temp.visits")
        connection.execute("drop table temp.looks")
    return loads


def _statements(file: str) -> list[tuple[str, str]]:
    """Name and statement of each table or macro, in the order of the SQL file."""
    text = (SQL_FOLDER / f"{file}.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- table: ([\w.]+)$", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))
