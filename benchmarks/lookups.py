"""How long a lookup of one user takes in the promotion views of a shop of many users, over a warm connection and a cold one.

Asked for one user at a time, users drawn at random: offers, prices and eligibility, and recommendations beside them. Warm: one
connection that has answered before. Cold: the file is opened for each question and closed after it, as a client does that asks
once; the operating system may have its pages. "all three" is a user's offers, prices and eligibility, one after the other.

A built database is blown up: each user stands many times, with the same products and scores, every time in rows of their own.
Tables that are written in the order of their users stay in that order, the others are mixed as they were, so that what a filter
on the user can skip is what it could skip in a shop of that size.

With --as-it-stands the given file is looked at itself, as a large shop published it.

python benchmarks/lookups.py warehouse/offerhouse.duckdb [--users 100000] [--candidates 50] [--promotions 20]
     [--lookups 1000] [--keep big.duckdb] [--explain]
python benchmarks/lookups.py warehouse/published/offerhouse.duckdb --as-it-stands
"""

import argparse
import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb

from promo_cli.encryption import BLOCK_BYTES

VIEWS = ["offers", "dynamic_prices", "coupon_eligibility", "recommendations"]
ASKED = ["offers", "dynamic_prices", "coupon_eligibility"]
"""What the bars are for."""
WARM_MS, COLD_MS = 20, 150
"""The 99th percentile is at most so many milliseconds."""
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
    with duckdb.connect(str(big), config={"default_block_size": str(BLOCK_BYTES)}) as connection:  # as what is published
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
    """Print a line a view; leaves with 1 when a bar is broken."""
    parser = parser_of(__doc__)
    parser.set_defaults(users=100_000)
    parser.add_argument("--lookups", type=int, default=1_000)
    parser.add_argument("--views", nargs="+", default=VIEWS)
    parser.add_argument("--as-it-stands", action="store_true", help="look at DATABASE itself, which is large enough")
    parser.add_argument("--explain", action="store_true", help="the plan of each view's lookup, with times")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        big = arguments.database if arguments.as_it_stands else arguments.keep or Path(folder) / "big.duckdb"
        everybody = "(select distinct user_id from features.user_permissions)" if arguments.as_it_stands else "everybody"
        if not big.exists():
            make(arguments.database, big, arguments.users, arguments.candidates, arguments.promotions, arguments.views)
        with duckdb.connect(str(big), read_only=True) as connection:
            ((known,),) = connection.execute(f"select count(*) from {everybody}").fetchall()
            chosen = connection.execute(
                f"select user_id from {everybody} using sample reservoir({arguments.lookups} rows) repeatable (1)"
            ).fetchall()
            users = [user for (user,) in chosen]
            warm = {view: [lookup(connection, view, user) for user in [users[0], *users]][1:] for view in arguments.views}
            if arguments.explain:
                for view in arguments.views:
                    print(connection.execute(f"explain analyze {QUERY.format(view=view)}", {"user": users[0]}).fetchall()[0][1])
        cold = {view: [cold_lookup(big, view, user) for user in users] for view in arguments.views}
    print(f"\n{known:,} users, {len(users):,} of them looked up; milliseconds")
    print(f"{'':20} {'rows':>5}   {'warm p50':>8} {'p99':>7}   {'cold p50':>8} {'p99':>7}   {'CPU warm':>8}")
    broken = False
    for view in arguments.views:
        broken |= print_line(view, warm[view], cold[view], view in ASKED)
    if set(ASKED) <= set(arguments.views):
        sums = [together([times[view] for view in ASKED]) for times in (warm, cold)]
        print_line("all three", sums[0], sums[1], False)
    raise SystemExit(1 if broken else 0)


QUERY = "select * from promotions.{view} where user_id = $user"


class Lookup(NamedTuple):
    """One answer."""

    rows: int
    ms: float
    cpu_ms: float


def lookup(connection: duckdb.DuckDBPyConnection, view: str, user: str) -> Lookup:
    """The user's rows of the view."""
    computed, started = time.process_time(), time.perf_counter()
    rows = len(connection.execute(QUERY.format(view=view), {"user": user}).fetchall())
    return Lookup(rows, (time.perf_counter() - started) * 1000, (time.process_time() - computed) * 1000)


def cold_lookup(database: Path, view: str, user: str) -> Lookup:
    """The same, with the opening of the file."""
    started = time.perf_counter()
    with duckdb.connect(str(database), read_only=True) as connection:
        found = lookup(connection, view, user)
    return found._replace(ms=(time.perf_counter() - started) * 1000)


def together(views: Sequence[list[Lookup]]) -> list[Lookup]:
    """Of each user the sum over views."""
    return [Lookup(*map(sum, zip(*answers, strict=True))) for answers in zip(*views, strict=True)]


def print_line(name: str, warm: list[Lookup], cold: list[Lookup], has_bar: bool) -> bool:
    """Percentiles, and whether a bar is broken."""
    told, broken = [], False
    for answers, most in ((warm, WARM_MS), (cold, COLD_MS)):
        times = sorted(answer.ms for answer in answers)
        late = times[int(len(times) * 0.99)]
        broken |= has_bar and late > most
        told.append(f"{times[len(times) // 2]:8.1f} {late:7.1f}")
    rows, computed = (
        sum(column) / len(warm) for column in (zip(*((answer.rows, answer.cpu_ms) for answer in warm), strict=True))
    )
    verdict = f"<= {WARM_MS} and {COLD_MS} {'BROKEN' if broken else 'kept'}" if has_bar else ""
    print(f"{name:20} {rows:5.0f}   {told[0]}   {told[1]}   {computed:8.1f}   {verdict}")
    return broken


if __name__ == "__main__":
    main()
