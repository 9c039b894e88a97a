"""`promo build --changes` builds and publishes what a build of everything does, at the price of what changed."""

import ast
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from published_faults import published_faults, unpublished_models
from small_shop import SECRET

from promo_cli.build import build_warehouse
from promo_cli.errors import PromoError
from promo_cli.paths import published_path
from promo_cli.provenance import model_versions
from promo_cli.publication import mark_of
from promo_cli.publish import publication_record, publish_again, roll_back_published
from promo_cli.warehouse_reader import open_read_only
from udfs.secret import pseudonym

Promo = Callable[..., tuple[int, str, str]]

pytestmark = pytest.mark.usefixtures("pseudonyms")

SEARCHES = """
    select 'search ' || row_number() over () as event_id, user_id, cast(null as varchar) as product_id,
        'session ' || user_id as session_id, 'search' as event_type, timestamp '2025-07-19 21:00:00' as event_at,
        20 as dwell_seconds
    from (values ('u3'), ('u11'), ('stranger'), (null)) as t(user_id)
"""
"""Of the last day, without a product, so that no statistics of products move; a stranger's and nobody's, which are rejected."""

MORE = """
    insert into shop.users (user_id, signed_up_at) values ('newcomer', timestamp '2025-07-01');
    insert into shop.events (event_id, user_id, product_id, event_type, event_at)
    select who || ' looks', who, 'p1', 'view', timestamp '2025-07-01 12:00:00'
    from (values ('newcomer'), ('stranger'), (null)) as people(who);
    insert into shop.events (event_id, user_id, event_type, event_at)
    select event_id, 'u11', event_type, event_at from shop.events where user_id = 'u12' limit 1;
    insert into shop.order_lines (order_id, line_number, user_id, product_id, ordered_at, quantity, list_price, paid_price)
    values ('one more', 1, 'u9', 'p3', timestamp '2025-07-01 12:00:00', 1, 5.99, 4.99);
    delete from shop.events where user_id = 'u13';
    delete from shop.users where user_id = 'u14';
    insert into shop.consents values ('u8', 'personalisation', timestamp '2025-07-01', false);
"""
"""Ways in which users are tied together: one the shop does not know, one it did not know so far, rows that are gone, a key of two
users, a row of nobody, a purchase."""


@pytest.fixture
def database(small_warehouse: Path, tmp_path: Path) -> Path:
    """A copy of it all with the times of its files, after more events have come in."""
    shutil.copytree(small_warehouse.parent, tmp_path / "warehouse", ignore=shutil.ignore_patterns("dbt"))
    return tmp_path / "warehouse" / small_warehouse.name


def built_by_changes(database: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]] | None:
    """Builds what changed; what the publication kept of the last one, with its lists of users, or None when it kept nothing."""
    monkeypatch.setenv("DBT_LOG_LEVEL_FILE", "debug")
    build_warehouse(database, quiet=True, changes=True)
    log = next((database.parent / "dbt").rglob("dbt.log"))
    told = [message for message in map(message_of, log.read_text().splitlines()) if message.startswith("published as they are")]
    log.unlink()
    return ast.literal_eval(told[0].partition(": ")[2]) if told else None


def message_of(line: str) -> str:
    try:
        return str(json.loads(line)["info"]["msg"])
    except ValueError:
        return ""


def differing(database: Path) -> list[str]:
    """Tables that don't hold the same rows in the working database and in the published one; those that one of the two lacks,
    but for what is not published.
    """
    with duckdb.connect() as connection:
        connection.execute(f"attach '{database}' as working (read_only)")
        connection.execute(f"attach '{published_path(database)}' as published (read_only)")
        names = connection.execute(
            "select schema_name || '.' || table_name, list(database_name) from duckdb_tables() "
            "where database_name in ('working', 'published') and schema_name not in ('shop', 'private', 'truth') "
            "and table_name not in (select unnest($1)) group by all order by all",
            [sorted(unpublished_models())],
        ).fetchall()
        return [
            name
            for name, places in names
            if len(places) < 2
            or connection.execute(
                f"(from working.{name} except all from published.{name}) "
                f"union all (from published.{name} except all from working.{name})"
            ).fetchall()
        ]


def contents(published: Path) -> dict[str, str]:
    with duckdb.connect(str(published), read_only=True) as connection:
        return dict(connection.execute("select relation, content_hash from audits.publication").fetchall())


def outcomes_of(database: Path) -> list[tuple[str, str, int | None]]:
    """How each model and test of the last build ended."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(
            "select node, outcome, failing_rows from audits.build_nodes "
            "where build_id = (select build_id from audits.builds order by rowid desc limit 1) order by all"
        ).fetchall()


def sums_of(database: Path) -> set[tuple[str, str]]:
    """Of which build, and of which file, the sums are that the next publication may go on from."""
    with duckdb.connect(str(database), read_only=True) as connection:
        if not connection.execute("select 1 from duckdb_tables() where table_name = 'published_sums'").fetchall():
            return set()
        return set(connection.execute("select build_id, mark from private.published_sums").fetchall())


def expected_sums(database: Path) -> set[tuple[str, str]]:
    published = published_path(database)
    return {(publication_record(published)["build_id"], mark_of(published))}


@pytest.mark.slow
def test_what_changed_is_built_and_published_as_everything_would_be(
    database: Path, tmp_path: Path, promo: Promo, monkeypatch: pytest.MonkeyPatch
) -> None:
    published, first = published_path(database), publication_record(published_path(database))["build_id"]
    assert sums_of(database) == expected_sums(database)
    more = tmp_path / "more"
    more.mkdir()
    with duckdb.connect() as connection:
        connection.execute(f"copy ({SEARCHES}) to '{more}/events.parquet'")
    assert promo("load", "files", more, "--append", "-q", "--database", database)[0] == 0
    kept = built_by_changes(database, monkeypatch)
    assert kept is not None
    assert len([relation for relation, lists in kept.items() if not lists]) > 100
    by_user = {relation for relation, lists in kept.items() if lists}
    assert {"staging.checked_events", "staging.stg_events", "features.user_activity_days"} <= by_user
    assert publication_record(published)["build_id"] != first
    assert published_faults(published) == []
    assert differing(database) == []
    assert sums_of(database) == expected_sums(database)
    with duckdb.connect(str(published), read_only=True) as connection:
        found = connection.execute("select user_id from staging.stg_events where event_type = 'search' order by all").fetchall()
        assert found == sorted((pseudonym(SECRET.encode(), user),) for user in ("u3", "u11"))
        assert connection.execute("select count(*) from staging.checked_events where user_id is null").fetchall() == [(1,)]
        schemas = connection.execute("select distinct schema_name from duckdb_tables()").fetchall()
        assert {"private", "shop", "changes"} & {schema for (schema,) in schemas} == set()
    assert published.stat().st_mode & 0o777 == 0o600
    with open_read_only(published) as noted, open_read_only(database) as working:
        assert model_versions(noted) == model_versions(working) != []  # the latter read off every row

    # The publication before is no ground to go on from: what changed since was counted from the one that is gone.
    roll_back_published(database)
    assert publication_record(published)["build_id"] == first
    with duckdb.connect(str(database)) as connection:
        connection.execute(MORE)
    assert built_by_changes(database, monkeypatch) is None
    assert published_faults(published) == []
    assert differing(database) == []
    assert sums_of(database) == expected_sums(database)

    of_changes, outcomes = contents(published), outcomes_of(database)
    build_warehouse(database, quiet=True, full_refresh=True)
    assert contents(published) == of_changes
    assert outcomes_of(database) == outcomes


def test_tables_that_dbt_does_not_write_are_not_published(database: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "create schema raw; create table raw.customers as select 'u3' as customer_id, 'u3@example.org' as email"
        )
    publish_again(database, quiet=True)
    with duckdb.connect(str(published_path(database)), read_only=True) as connection:
        schemas = connection.execute("select distinct schema_name from duckdb_tables()").fetchall()
    assert {schema for (schema,) in schemas} == {"staging", "features", "scores", "promotions", "audits", "policies"}


def test_a_publication_that_is_refused_leaves_no_sums_to_go_on_from(database: Path) -> None:
    published = published_path(database)
    published.unlink()
    publish_again(database, quiet=True)
    assert sums_of(database) == expected_sums(database)
    published.unlink()
    with duckdb.connect(str(database)) as connection:
        connection.execute("delete from features.user_features where user_id = (select min(user_id) from features.user_features)")
    with pytest.raises(PromoError, match=r"features\.user_features has changed since the last complete build"):
        publish_again(database, quiet=True)
    assert sums_of(database) == set()
