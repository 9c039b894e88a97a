"""What new events cost on a shop that is built: a hundredth of its events by a twentieth of its users, and then one user's file.

    full        the whole build of the shop, everything scored
    increment   promo load files --append of 1 % new events, touching 5 % of the users, and promo build --changes
    refreshed   promo build --full-refresh of the same shop: what the increment must equal, relation by relation
    one file    the same of 1,000 events of one user: when that user's offers are there

New events are views of the shop's last day, so that the day that is decided on stays: moved by a day, every recency would change.
The project says `open_days: 1`: statistics of all users leave that day out. Without (--open-days 0) they move with each event,
and nearly every score with them.

python benchmarks/increment.py [--events 1] [--memory 3GB] [--candidates 50] [--products 10000] [--dearest 10]
                               [--open-days 1] [--skip-refresh] [--folder DIR]
"""

import argparse
import tempfile
from functools import partial
from pathlib import Path

import duckdb
from scale import USERS_A_MILLION, project_with, watched

from promo_cli.paths import published_path

NEW_EVENTS, TOUCHED_USERS, ROWS_OF_ONE_FILE = 0.01, 0.05, 1_000
LARGEST_SHARE, LIMIT_SECONDS = 0.10, 20


def write_events(database: Path, target: Path, rows: str, users: str) -> None:
    """Views of the shop's last day: as many as the SQL `rows` says, in turn by the users of the query `users`."""
    target.parent.mkdir(parents=True)
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute(
            f"""
            copy (
                with users as (select user_id, row_number() over (order by user_id) as at from ({users})),
                products as (select product_id, row_number() over (order by hash(product_id)) as at from shop.products),
                last_day as (select date_trunc('day', max(event_at)) as day from shop.events),
                -- numbered before the joins: asked for in their conditions, the counts make each of them a loop in a loop
                numbers as (
                    select
                        number,
                        1 + number % (select count(*) from users) as user_at,
                        1 + hash(number) % (select count(*) from products) as product_at
                    from range(cast(({rows}) as bigint)) as numbers(number)
                )
                select
                    '{target.parent.name}-' || number as event_id, user_id, product_id, 'view' as event_type,
                    day + to_seconds(cast(hash(number) % 80000 as bigint)) as event_at, 5.0 as dwell_seconds
                from numbers
                cross join last_day
                inner join users on users.at = numbers.user_at
                inner join products on products.at = numbers.product_at
            ) to '{target}' (format parquet)
            """
        )


def contents(database: Path) -> dict[str, str]:
    """The content hash of each published relation."""
    with duckdb.connect(str(published_path(database)), read_only=True) as connection:
        return dict(connection.execute("select relation, content_hash from audits.publication").fetchall())


def offers_of(database: Path, user: str) -> list[tuple[object, ...]]:
    """A user's prices as published."""
    with duckdb.connect(str(published_path(database)), read_only=True) as connection:
        return connection.execute(
            "select product_id, personal_price from promotions.dynamic_prices where user_id = ? order by all", [user]
        ).fetchall()


def dearest_nodes(database: Path, most: int) -> list[tuple[str, float]]:
    """The last build's models and its tests together, by seconds."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(
            """
            select case kind when 'model' then node else 'all ' || kind || 's' end as what, sum(seconds) as seconds
            from audits.build_nodes
            where build_id = (select build_id from audits.builds order by rowid desc limit 1)
            group by what order by seconds desc limit ?
            """,
            [most],
        ).fetchall()


def main() -> None:
    """Print the table; leaves with 1 when a bar is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1, metavar="MILLIONS")
    parser.add_argument("--memory", default="3GB", help="DuckDB's memory_limit; Python, dbt and the models take more")
    parser.add_argument("--candidates", type=int, default=50, help="products scored for a user")
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--dearest", type=int, default=10, metavar="N", help="models to name")
    parser.add_argument("--open-days", type=int, default=1, metavar="N", help="the project's var open_days")
    parser.add_argument(
        "--skip-refresh", action="store_true", help="compare with no full refresh, which takes a big shop as long again"
    )
    parser.add_argument("--folder", type=Path, help="where to work; kept [default: a temporary folder]")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (chosen.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        database = folder / "increment.duckdb"
        project = project_with(Path(temporary) / "project", chosen.candidates)
        settings = project / "dbt_project.yml"
        settings.write_text(settings.read_text().replace("  open_days: 0\n", f"  open_days: {chosen.open_days}\n"))
        run = partial(watched, database, project, chosen.memory)
        users = chosen.events * USERS_A_MILLION
        run("load", "simulated", "--users", str(users), "--days", "365", "--products", str(chosen.products), "--seed", "1")
        took = {"full": [run("build")]}

        touched = f"select user_id from shop.users order by hash(user_id) limit {round(users * TOUCHED_USERS)}"
        write_events(database, folder / "day" / "events.parquet", f"select count(*) * {NEW_EVENTS} from shop.events", touched)
        took["increment"] = [run("load", "files", str(folder / "day"), "--append"), run("build", "--changes")]
        of_increment, nodes = contents(database), dearest_nodes(database, chosen.dearest)
        if not chosen.skip_refresh:
            took["refreshed"] = [run("build", "--full-refresh")]
        refreshed = of_increment if chosen.skip_refresh else contents(database)
        differing = sorted(name for name in refreshed.keys() | of_increment if refreshed.get(name) != of_increment.get(name))

        with duckdb.connect(str(database), read_only=True) as connection:  # somebody who may be shown prices of their own
            ((someone, key),) = connection.execute(
                "select min(shop_user_id), arg_min(user_id, shop_user_id) from private.user_keys "
                f"where shop_user_id in ({touched}) and user_id in (select user_id from scores.interest_scores)"
            ).fetchall()
        before = offers_of(database, key)
        write_events(database, folder / "one" / "events.parquet", str(ROWS_OF_ONE_FILE), f"select '{someone}' as user_id")
        took["one file"] = [run("load", "files", str(folder / "one"), "--append"), run("build", "--changes")]
        has_changed = offers_of(database, key) != before
        of_one = dearest_nodes(database, chosen.dearest)

    print(
        f"{users:,} users, {chosen.products:,} products, {chosen.candidates} candidates a user, memory_limit {chosen.memory}, "
        f"open_days {chosen.open_days}\n"
    )
    seconds = {what: sum(step.seconds for step in steps) for what, steps in took.items()}
    for what, steps in took.items():
        print(
            f"{what:10} {seconds[what]:8.1f} s   {seconds[what] / seconds['full']:5.2f} of the full build"
            f"   {max(step.resident_gib for step in steps):5.2f} GiB resident"
        )
    if chosen.skip_refresh:
        print("\nthe increment was not compared with a full refresh")
    else:
        print(
            f"\nthe increment beside a full refresh: {len(refreshed):,} relations, {len(differing)} differ {' '.join(differing)}"
        )
    changed = "have" if has_changed else "have NOT"
    print(f"one file: {took['one file'][0].seconds:.1f} s of it to load; the user's prices {changed} changed")
    for title, told in (("the increment", nodes), ("one file", of_one)):
        print(f"\nDearest in the build of {title}, seconds:")
        for name, of_node in told:
            print(f"  {name:45} {of_node:8.1f}")
    share = seconds["increment"] / seconds["full"]
    limits = [
        ("increment, share of the full build", share, LARGEST_SHARE),
        ("one file, seconds", seconds["one file"], LIMIT_SECONDS),
    ]
    print()
    for what, reached, limit in limits:
        print(f"{what:40} {reached:8.2f}   <= {limit:<5} {'kept' if reached <= limit else 'BROKEN'}")
    raise SystemExit(1 if differing or not has_changed or any(reached > limit for _, reached, limit in limits) else 0)


if __name__ == "__main__":
    main()
