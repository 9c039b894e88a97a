"""How long a lookup of one user takes in the promotion views of a shop of a million users.

A built database is blown up: each user stands many times, with the same products and scores, every time in rows of their own.
Tables that are written in the order of their users stay in that order, the others are mixed as they were, so that what a filter
on the user can skip is what it could skip in a shop of that size.

Run: python benchmarks/lookups.py warehouse/offerhouse.duckdb [--users 1000000] [--candidates 50] [--promotions 20]
     [--lookups 100] [--keep big.duckdb] [--explain]
"""

import argparse
import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb

VIEWS = ["dynamic_prices", "coupon_eligibility", "recommendations"]
NAME = re.compile(r"\b(staging|features|scores|promotions|audits|policies)\.(\w+)\b")
COPIES_OF_PRODUCTS = 2
USER = "lpad(copy::varchar, 6, '0') || '/' || user_id"


def beneath(connection: duckdb.DuckDBPyConnection, views: list[str]) -> tuple[list[str], dict[str, str]]:
    """Tables that the views read, and the SQL of the views on the way, in an order in which they can be made."""
    sql = dict(
        connection.execute(
            "select schema_name || '.' || view_name, sql from duckdb_views() where database_name = 'source'"
        ).fetchall()
    )
    stored = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'source'"
    ).fetchall()
    known = {*sql, *(name for (name,) in stored)}
    tables: list[str] = []
    ordered: dict[str, str] = {}

    def visit(name: str) -> None:
        if name in ordered or name in tables:
            return
        if name not in sql:
            tables.append(name)
            return
        for schema, relation in NAME.findall(sql[name].split(" AS ", 1)[1].replace('"', "")):
            if f"{schema}.{relation}" in known:  # else an alias that is called like a schema
                visit(f"{schema}.{relation}")
        ordered[name] = sql[name]

    for view in views:
        visit(view if "." in view else f"promotions.{view}")
    return tables, ordered


def blow_up(connection: duckdb.DuckDBPyConnection, table: str, users: int, copies: int, kept: int | None) -> str:
    """Write the table for `copies` times the users; says in which order."""
    columns = [row[0] for row in connection.execute(f"describe source.{table}").fetchall()]
    if "user_id" not in columns:
        if "product_id" in columns and "as_of_date" in columns:  # products that nobody is shown make up the numbers
            again = "product_id || case when copy > 0 then '+' || copy else '' end as product_id"
            copied = f"select t.* replace ({again}) from source.{table} as t, range({COPIES_OF_PRODUCTS}) as c(copy)"
            connection.execute(f"create table {table} as {copied}")
        else:
            connection.execute(f"create table {table} as from source.{table}")
        return "as it is"
    cut = f"qualify row_number() over (partition by user_id order by rowid) <= {kept}" if kept else ""
    connection.execute(f"create or replace temp table part as select * from source.{table} {cut} order by rowid")
    [(steps_back,)] = connection.execute(
        "select count(*) from (select user_id < lag(user_id) over (order by rowid) as back from part) where back"
    ).fetchall()
    connection.execute(f"create table {table} as from part limit 0")
    copied = f"select t.* replace ({USER} as user_id) from part as t"
    for number in range(copies):
        if steps_back == 0:
            connection.execute(f"insert into {table} {copied}, range({number}, {number + 1}) as c(copy)")
        else:
            connection.execute(
                f"insert into {table} {copied}, range({copies}) as c(copy) where hash(t.user_id) % {copies} = {number}"
            )
    return "by user" if steps_back == 0 else "mixed"


def make(
    database: Path, big: Path, users: int, candidates: int, promotions: int, views: list[str], more: Sequence[str] = ()
) -> None:
    """Write the blown-up database `big`: the tables beneath `views` and `more` of them, and the views."""
    with duckdb.connect(str(big)) as connection:
        connection.execute("set memory_limit = '4GB'")
        connection.execute(f"attach '{database}' as source (read_only)")
        tables, made = beneath(connection, views)
        tables = list(dict.fromkeys([*tables, *more]))
        [(known,)] = connection.execute("select count(*) from source.features.user_permissions").fetchall()
        copies = -(-users // known)
        for schema in {name.split(".")[0] for name in [*tables, *made]}:
            connection.execute(f"create schema if not exists {schema}")
        for table in tables:
            started = time.perf_counter()
            kept = promotions if table in ("promotions.considered_promotions", "promotions.refusals") else candidates
            order = blow_up(connection, table, known, copies, kept)
            rows = connection.execute(f"select count(*) from {table}").fetchall()[0][0]
            print(f"{table}: {rows:,} rows, {order}, {time.perf_counter() - started:.0f} s", flush=True)
        connection.execute(
            f"create table everybody as select {USER} as user_id from source.features.user_permissions as t, "
            f"range({copies}) as c(copy)"
        )
        for sql in made.values():
            connection.execute(sql)


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """The options of every look at a blown-up database."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", type=Path)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--candidates", type=int, default=50)
    parser.add_argument("--promotions", type=int, default=20)
    parser.add_argument("--keep", type=Path, help="keep the database there; one that stands there already is measured as it is")
    return parser


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--lookups", type=int, default=100)
    parser.add_argument("--views", nargs="+", default=VIEWS)
    parser.add_argument("--explain", action="store_true")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        big = arguments.keep or Path(folder) / "big.duckdb"
        if not big.exists():
            make(arguments.database, big, arguments.users, arguments.candidates, arguments.promotions, arguments.views)
        with duckdb.connect(str(big), read_only=True) as connection:
            chosen = connection.execute(
                f"select user_id from everybody using sample reservoir({arguments.lookups} rows) repeatable (1)"
            ).fetchall()
            for view in arguments.views:
                query = f"select * from promotions.{view} where user_id = $user"
                times, rows = [], 0
                before = time.process_time()
                for (user,) in [chosen[0], *chosen]:  # the first warms up
                    started = time.perf_counter()
                    rows += len(connection.execute(query, {"user": user}).fetchall())
                    times.append((time.perf_counter() - started) * 1000)
                computed = (time.process_time() - before) / len(times) * 1000
                times = sorted(times[1:])
                middle, late = times[len(times) // 2], times[int(len(times) * 0.99)]
                shown = f"{rows / (len(times) + 1):.0f} rows a user, p50 {middle:.1f} ms, p99 {late:.1f} ms"
                print(f"{view}: {shown}, {computed:.1f} ms of CPU", flush=True)
                if arguments.explain:
                    print(connection.execute(f"explain analyze {query}", {"user": chosen[0][0]}).fetchall()[0][1])


if __name__ == "__main__":
    main()
