"""Pseudonyms from staging on, the secret they are made with, and who users are in one place alone."""

import hashlib
import hmac
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from small_shop import ERASABLE, SECRET
from staging_sql import StagingBuild

from promo_cli.build import Privacy, build_warehouse
from promo_cli.dbt_runner import run_dbt
from promo_cli.erasures import register_tombstones
from promo_cli.errors import BUILD_FAULT, DATA_FAULT, ENVIRONMENT_FAULT, PromoError
from promo_cli.export import export_campaign
from promo_cli.key import make_key
from promo_cli.paths import published_path
from promo_cli.people import user_key
from promo_cli.people_file import people_of
from promo_cli.warehouse import quoted_name
from udfs.pseudonyms import privacy_functions
from udfs.secret import find_secret, fingerprint, key_file, make_secret, pseudonym, tombstone

Promo = Callable[..., tuple[int, str, str]]
SILENT = SimpleNamespace(note=lambda _text: None)

SHOP = """
create schema shop;
create table shop.users (user_id varchar, signed_up_at varchar, email varchar, last_name varchar);
insert into shop.users values
    ('zebra-1', '2024-01-01', 'one@zebra.example', 'Zebrowski'),
    ('zebra-2', 'soon', 'two@zebra.example', 'Zebrowski'),
    (null, '2024-01-01', 'nobody@zebra.example', 'Zebrowski');
create table shop.products (product_id varchar, category varchar, list_price double);
insert into shop.products values ('p', 'c', 2);
create table shop.order_lines (
    order_id varchar, line_number integer, customer varchar, user_id varchar, product_id varchar, ordered_at timestamp,
    quantity integer, list_price double, paid_price double
);
insert into shop.order_lines values
    ('o1', 1, 'zebra-1', 'not the user', 'p', '2024-02-01', 1, 2, 2),
    ('o1', 1, 'zebra-1', 'nor this one', 'p', '2024-02-01', 1, 2, 2),
    ('o2', 1, 'zebra-1', null, 'p', '2024-02-02', -1, 2, 2);
"""
COLUMNS = {"shop_columns": {"order_lines": {"user_id": "customer"}}}


# The secret.


@pytest.fixture
def no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OFFERHOUSE_SECRET", raising=False)
    monkeypatch.setenv("OFFERHOUSE_PRIVACY", "on")


@pytest.mark.usefixtures("no_secret")
def test_a_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    database = tmp_path / "offerhouse.duckdb"
    assert find_secret(database) is None
    assert make_secret(database) == key_file(database)
    kept = find_secret(database)
    assert kept is not None
    assert len(kept) == 64
    assert key_file(database).stat().st_mode & 0o777 == 0o600
    assert make_secret(database) is None
    assert find_secret(database) == kept
    assert [path.name for path in tmp_path.iterdir()] == ["offerhouse.duckdb.key"]
    key_file(database).write_text("cut")
    with pytest.raises(ValueError, match="holds no secret, it is cut off"):
        find_secret(database)


def test_the_environment_comes_before_the_key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFERHOUSE_SECRET", SECRET)
    assert find_secret(tmp_path / "a.duckdb") == SECRET.encode()
    assert make_secret(tmp_path / "a.duckdb") is None
    monkeypatch.setenv("OFFERHOUSE_SECRET", "short")
    with pytest.raises(ValueError, match="fewer than 16 characters"):
        find_secret(tmp_path / "a.duckdb")


def test_pseudonyms_are_hmacs_under_labels_of_their_own() -> None:
    wanted = hmac.new(b"key", b"user\x00u1", hashlib.sha256).hexdigest()[:32]
    assert pseudonym(b"key", "u1") == wanted
    assert len({pseudonym(b"key", "u1"), fingerprint(b"key")[:32], tombstone("key", "u1")[:32], pseudonym(b"yek", "u1")}) == 4
    with duckdb.connect() as connection:
        for name, function, arguments in privacy_functions(b"key"):
            connection.create_function(name, function, arguments, "VARCHAR", type="arrow", null_handling="special")
        assert connection.execute("select pseudonym('u1'), pseudonym(null)").fetchall() == [(wanted, None)]
        query = connection.execute("select secret_fingerprint(''), tombstone('s', 'u1'), tombstone('s', null)").fetchall()
        assert query == [(fingerprint(b"key"), tombstone("s", "u1"), None)]


@pytest.mark.usefixtures("no_secret")
def test_a_load_makes_a_key_unless_the_database_was_built_with_one_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for built_with, off, is_made in [(None, "on", True), ("a fingerprint", "on", False), (None, "off", False)]:
        database = tmp_path / f"{built_with}_{off}.duckdb"
        monkeypatch.setenv("OFFERHOUSE_PRIVACY", off)
        with duckdb.connect(str(database)) as connection:
            if built_with:
                connection.execute(f"create schema private; create table private.secret as select '{built_with}' as fingerprint")
            make_key(connection, database, SILENT)
        assert key_file(database).is_file() is is_made


# The guard of the secret, its macro run on a connection.


class Guard(StagingBuild):
    """Runs macros on a connection's own catalogue; query results have their columns' names."""

    def _relation(self, database: str, schema: str, identifier: str) -> Any:
        found = self._connection.execute(
            "select 1 from information_schema.tables where table_schema = ? and table_name = ?", [schema, identifier]
        ).fetchall()
        return super()._source("shop", identifier) if schema == "shop" else f"{schema}.{identifier}" if found else None

    def _query(self, sql: str) -> SimpleNamespace:
        cursor = self._connection.execute(sql)
        names = [column[0] for column in cursor.description or ()]
        return SimpleNamespace(rows=[dict(zip(names, row, strict=True)) for row in cursor.fetchall()])

    def guard(self, secret: bytes | None, **variables: Any) -> None:
        for name, function, arguments in privacy_functions(secret):
            self._connection.remove_function(name)
            self._connection.create_function(name, function, arguments, "VARCHAR", type="arrow", null_handling="special")
        self.set_variables(variables)
        self.macro("guard_secret")


@pytest.fixture
def guarded(connection: duckdb.DuckDBPyConnection) -> Guard:
    return Guard(connection)


FIRST, SECOND = b"the first of the secrets", b"the second of the secrets"


def test_a_database_from_before_pseudonyms_gets_them_and_a_lost_or_changed_secret_stops(
    guarded: Guard, connection: duckdb.DuckDBPyConnection
) -> None:
    connection.execute("create schema promotions; create table promotions.offers as select 'u1' as user_id, 'o' as offer_id")
    with pytest.raises(AssertionError, match="there is no secret to make pseudonyms of user ids with: promo load makes a key"):
        guarded.guard(None)
    guarded.guard(FIRST)
    assert connection.execute("from promotions.offers").fetchall() == [(pseudonym(FIRST, "u1"), "o")]
    guarded.guard(FIRST)
    with pytest.raises(AssertionError, match="the secret that this database was built with is gone"):
        guarded.guard(None)
    with pytest.raises(AssertionError, match="the secret differs from the one that this database was built with"):
        guarded.guard(SECOND)
    assert connection.execute("select user_id from promotions.offers").fetchall() == [(pseudonym(FIRST, "u1"),)]


def test_new_keys_and_none_are_given_where_people_say_so(guarded: Guard, connection: duckdb.DuckDBPyConnection) -> None:
    guarded.guard(FIRST)
    connection.execute("create schema promotions; create table promotions.offers (user_id varchar)")
    connection.execute("create table private.user_keys (shop_user_id varchar, user_id varchar, is_erased boolean)")
    for user in ("u1", "u2"):
        connection.execute("insert into private.user_keys values (?, ?, false)", [user, pseudonym(FIRST, user)])
        connection.execute("insert into promotions.offers values (?)", [pseudonym(FIRST, user)])
    users = "select user_id from promotions.offers order by user_id"
    kept = "select table_name from duckdb_tables() where schema_name = 'private' order by all"
    for name in ("last_build", "published_sums", "rows_of_shop_events"):
        connection.execute(f"create table private.{name} as select 'under the old keys' as users")
    guarded.guard(SECOND, new_secret=True)
    assert connection.execute(kept).fetchall() == [("secret",), ("user_keys",)]  # no build of what changed goes on from the rest
    assert connection.execute(users).fetchall() == sorted((pseudonym(SECOND, user),) for user in ("u1", "u2"))
    guarded.guard(None, privacy=False)  # as YAML reads off
    assert connection.execute(users).fetchall() == [("u1",), ("u2",)]
    with pytest.raises(AssertionError, match="there is no secret"):
        guarded.guard(None)
    guarded.guard(FIRST)
    assert connection.execute(users).fetchall() == sorted((pseudonym(FIRST, user),) for user in ("u1", "u2"))
    with pytest.raises(AssertionError, match="privacy is maybe: say on, or off"):
        guarded.guard(FIRST, privacy="maybe")


def test_an_interrupted_erasure_stops_a_build(guarded: Guard, connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create table private.erasures as select 's' as salt, 't' as tombstone, false as is_finished")
    with pytest.raises(AssertionError, match="an erasure was interrupted: promo erase --resume finishes it"):
        guarded.guard(FIRST)
    connection.execute("update private.erasures set is_finished = true")
    guarded.guard(FIRST)


# Staging.


def texts(connection: duckdb.DuckDBPyConnection, schemas: tuple[str, ...]) -> str:
    """Every row of every relation of the schemas, as one text."""
    relations = connection.execute(
        "select distinct table_schema, table_name from information_schema.tables "
        "where table_schema in (select unnest($schemas)) and table_catalog = current_catalog()",
        {"schemas": list(schemas)},
    ).fetchall()
    assert relations
    return "\n".join(
        str(connection.execute(f"select cast(to_json(t) as varchar) from {schema}.{quoted_name(name)} as t").fetchall())
        for schema, name in relations
    )


def test_staging_knows_users_by_pseudonyms_and_nothing_personal(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(SHOP)
    build = StagingBuild(connection, COLUMNS)
    build.build()
    key = pseudonym(b"the secret of the fuzz", "zebra-1")
    assert connection.execute("select distinct user_id from staging.stg_order_lines").fetchall() == [(key,)]
    assert connection.execute("select user_id from staging.stg_users").fetchall() == [(key,)]
    told = texts(connection, ("staging", "audits"))
    assert key in told
    assert "zebra" not in told.lower()
    assert "Zebrowski" not in told
    rejected = connection.execute("select table_name, reason from audits.rejected_rows order by all").fetchall()
    assert rejected == [
        ("order_lines", "DUPLICATE_KEY"),
        ("order_lines", "NEGATIVE_QUANTITY"),
        ("users", "BAD_TYPE:signed_up_at"),
        ("users", "MISSING_USER_ID"),
    ]


def test_the_control_group_is_dealt_by_the_shops_own_ids(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(SHOP)
    connection.execute("insert into shop.users (user_id) values ('u5530'), ('u770'), ('u1')")
    build = StagingBuild(connection, COLUMNS)
    build.build()
    # int(md5('offerhouse:<user>')[:8], 16) % 10000
    dealt = dict(connection.execute("select shop_user_id, holdout_bucket from private.user_keys").fetchall())
    assert dealt.items() >= {"u5530": 499, "u770": 500, "u1": 8288}.items()


# The whole way.


@pytest.fixture(scope="module")
def built(small_warehouse: Path, pseudonyms: None) -> Path:
    return small_warehouse


def test_what_is_published_holds_neither_ids_nor_addresses(built: Path) -> None:
    published = published_path(built)
    with duckdb.connect(str(published), read_only=True) as connection:
        schemas = {
            name for (name,) in connection.execute("select distinct table_schema from information_schema.tables").fetchall()
        }
        assert not schemas & {"shop", "private", "truth"}
        told = texts(connection, tuple(schemas))
    assert pseudonym(SECRET.encode(), ERASABLE) in told
    assert ERASABLE not in told
    assert "@example.org" not in told
    assert SECRET.encode() not in published.read_bytes()
    for artefact in (built.parent / "dbt").rglob("*"):
        assert artefact.is_dir() or SECRET.encode() not in artefact.read_bytes(), artefact


def test_who_users_are_lies_beside_it_for_exports_alone(built: Path, tmp_path: Path, promo: Promo) -> None:
    people = people_of(published_path(built), published_path(built))
    assert people is not None
    assert (people.stat().st_mode & 0o777, people.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    for query in ("from people_file.people", "from private.people", f"attach '{people}'", f"from '{people}'"):
        assert promo("sql", query, "--database", built)[0] == 2, query
    exported = export_campaign(built, "weekly_thanks", output=tmp_path).path.read_text()
    assert '"u' in exported
    assert pseudonym(SECRET.encode(), "u3") not in exported


def test_a_user_is_found_by_the_shops_id_and_by_the_key(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = pseudonym(SECRET.encode(), "u7")
    assert user_key(built, "u7") == user_key(built, key) == key
    with pytest.raises(PromoError, match="user u700 is not known") as unknown:
        user_key(built, "u700")
    assert unknown.value.exit_code == DATA_FAULT
    monkeypatch.delenv("OFFERHOUSE_SECRET")
    assert user_key(built, key) == key
    with pytest.raises(PromoError, match="the secret that users' pseudonyms are made with is gone") as gone:
        user_key(built, "u7")
    assert gone.value.exit_code == ENVIRONMENT_FAULT


def test_a_lost_secret_stops_the_build_in_one_line(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Path(shutil.copy(built, tmp_path))
    monkeypatch.delenv("OFFERHOUSE_SECRET")
    with pytest.raises(PromoError, match="the secret that this database was built with is gone: bring back") as gone:
        build_warehouse(database, quiet=True)
    assert gone.value.exit_code == BUILD_FAULT
    assert "\n" not in gone.value.message


@pytest.mark.slow
def test_raw_events_older_than_policy_keeps_are_dropped_and_accounted_for(built: Path, tmp_path: Path) -> None:
    database = Path(shutil.copy(built, tmp_path))
    with duckdb.connect(str(database)) as connection:
        connection.execute("update policies.policy_values set value = 20 where name = 'raw_events_days'")
        ((events,),) = connection.execute("select count(*) from shop.events").fetchall()
    run_dbt(["run", "--select", "base_events", "checked_events", "rejected_rows", "row_accounting"], database)
    with duckdb.connect(str(database), read_only=True) as connection:
        ((kept, days),) = connection.execute(
            "select count(*), date_diff('day', min(event_at), max(event_at)) from shop.events"
        ).fetchall()
        account = connection.execute(
            "select rows_in, rows_accepted, rows_rejected, rows_left_out from audits.row_accounting where table_name = 'events'"
        ).fetchall()
    assert 0 < kept < events
    assert days <= 20
    assert account == [(events, kept, 0, events - kept)]


def test_privacy_off_is_said_in_the_vars(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told: dict[str, Any] = {}

    def heard(_command: list[str], _database: Path, variables: dict[str, Any], **_: Any) -> SimpleNamespace:
        told.update(variables)
        return SimpleNamespace(statuses={}, warnings={})

    monkeypatch.setattr("promo_cli.dbt_runner.run_dbt", heard)
    with duckdb.connect(str(tmp_path / "a.duckdb")):
        pass
    build_warehouse(tmp_path / "a.duckdb", quiet=True, privacy=Privacy.OFF, new_secret=True)
    assert told == {"privacy": "off", "new_secret": True}


def test_tombstones_are_a_function_of_loads(connection: duckdb.DuckDBPyConnection) -> None:
    register_tombstones(connection)
    assert connection.execute("select tombstone('s', 'u')").fetchall() == [(tombstone("s", "u"),)]
