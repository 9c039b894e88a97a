"""Encryption at rest: nothing is written in plain, and without a crypto module that writes nothing is written at all.

DuckDB's httpfs, whose crypto module writes, can't be fetched by a test. Where a test needs encrypted files it sets DuckDB's
force_mbedtls_unsafe itself, for every connection of this process and of dbt's; the project never does.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from small_shop import TABLES, USER_OF

from promo_cli import encryption
from promo_cli.build import build_warehouse
from promo_cli.dbt_runner import run_dbt
from promo_cli.encryption import connect
from promo_cli.errors import ENVIRONMENT_FAULT, PromoError
from promo_cli.paths import dbt_project_path, published_path
from promo_cli.publish_plugin import Plugin
from promo_cli.warehouse import open_warehouse
from promo_cli.warehouse_reader import open_read_only
from promo_cli.withdrawals import read_file, withdrawals_file, write_file

Promo = Callable[..., tuple[int, str, str]]

KEY = "needle 'of a \" key 0123456789"
UNSAFE = """
import duckdb
_connect = duckdb.connect
def connect(*arguments, **named):
    connection = _connect(*arguments, **named)
    connection.execute("set force_mbedtls_unsafe = 'true'")
    return connection
duckdb.connect = connect
"""


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting is on, and a key is told."""
    monkeypatch.setenv("OFFERHOUSE_ENCRYPTION", "on")
    monkeypatch.setenv("OFFERHOUSE_ENCRYPTION_KEY", KEY)


@pytest.fixture
def unsafe(on: None, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """DuckDB's built-in crypto module writes, here and in the processes that are started."""
    real = duckdb.connect

    def writing(*arguments: object, **named: object) -> duckdb.DuckDBPyConnection:
        connection = real(*arguments, **named)  # type: ignore[arg-type]
        connection.execute("set force_mbedtls_unsafe = 'true'")
        return connection

    monkeypatch.setattr(duckdb, "connect", writing)
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(UNSAFE)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")
    monkeypatch.setenv("PYTHONPATH", str(dbt_project_path().parent), prepend=":")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "offerhouse.duckdb"


def load(database: Path) -> None:
    with open_warehouse(database) as connection:
        connection.execute("create schema shop")
        connection.execute(USER_OF)
        for table in ("users", "products", "order_lines"):
            connection.execute(f"create table shop.{table} as {TABLES[table]}")


def bytes_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


# Without a module that writes


def test_nothing_is_written_without_the_crypto_module_that_writes(
    on: None, database: Path, shop_folder: Path, promo: Promo
) -> None:
    code, out, err = promo("load", "files", shop_folder, "--database", database)
    assert (code, out, err.count("\n")) == (ENVIRONMENT_FAULT, "", 1)
    assert "OFFERHOUSE_ENCRYPTION is on, and DuckDB's extension httpfs, whose crypto module writes encrypted files" in err
    assert not [path for path in database.parent.iterdir() if path.name.startswith("offerhouse")]


def test_a_build_is_refused_before_dbt_is_asked(
    unsafe: None, database: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    load(database)
    monkeypatch.undo()
    monkeypatch.setenv("OFFERHOUSE_ENCRYPTION", "on")
    monkeypatch.setenv("OFFERHOUSE_ENCRYPTION_KEY", KEY)
    before = database.read_bytes()
    with pytest.raises(PromoError, match="httpfs") as refused:
        build_warehouse(database, quiet=True)
    assert refused.value.exit_code == ENVIRONMENT_FAULT
    assert database.read_bytes() == before
    with open_read_only(database) as connection:  # reading needs no other module
        assert connection.execute("select count(*) from shop.users").fetchall() == [(80,)]


def test_the_project_never_asks_for_the_unsafe_module() -> None:
    root = dbt_project_path().parent
    code = [file for folder in ("promo_cli", "udfs") for file in (root / folder).rglob("*.py")]
    files = [*code, *(root / "dbt_project").rglob("*.sql"), root / "profiles.yml"]
    assert len(files) > 300
    assert not [file for file in files if "mbedtls" in file.read_text()]


# With one


def test_the_round_trip_leaves_nothing_in_plain(unsafe: None, database: Path, promo: Promo) -> None:
    load(database)
    content = database.read_bytes()
    assert b"u17@example.org" not in content
    assert b"Product 17" not in content
    assert KEY.encode() not in content
    code, out, _ = promo("sql", "select email from shop.users where user_id = 'u17'", "--database", database, "-q")
    assert (code, out.split()) == (0, ["email", "u17@example.org"])
    code, _, err = promo("sql", "attach 'other.duckdb'", "--database", database, "-q")
    assert code == 2
    assert "disabled" in err
    code, _, err = promo("sql", "from duckdb_databases()", "--database", database, "-q", "--format", "json")
    assert (code, KEY in err) == (0, False)


def test_dbt_builds_in_the_encrypted_file_and_its_artefacts_hold_no_key(unsafe: None, database: Path) -> None:
    load(database)
    run_dbt(["run", "--select", "base_products", "+base_users"], database)
    with connect(database, read_only=True) as connection:
        assert connection.execute("select count(*) from staging.base_products").fetchall() == [(60,)]
        assert connection.execute("select outcome, command from audits.builds").fetchall() == [("passed", "run")]
    assert (database.parent / "dbt").is_dir()
    everything = bytes_below(database.parent)
    assert b"u17@example.org" not in everything
    assert KEY.encode() not in everything
    assert b"encryption_key" not in everything


@pytest.mark.parametrize("setting", ["on", "off"])
def test_a_publication_is_as_the_working_database(
    unsafe: None, database: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv("OFFERHOUSE_ENCRYPTION", setting)
    load(database)
    credentials = DuckDBCredentials(database="offerhouse", schema="main", path=str(database))
    plugin = Plugin("promo_cli.publish_plugin", {}, credentials)
    plugin.update_connection_config(credentials, {})
    connection = duckdb.connect(credentials.path)
    try:
        plugin.configure_connection(connection)
        cursor = connection.cursor()
        plugin.configure_cursor(cursor)
        ((copy, people),) = cursor.execute("select new_publication(), new_people()").fetchall()
        cursor.execute(f"select attach_file('{copy}', 'publication'), attach_file('{people}', 'people')").fetchall()
        cursor.execute("create table publication.main.mark as select 'needle-in-the-copy' as mark")
        cursor.execute("create schema publication.audits; create table publication.audits.publication as select 'b' as build_id")
        cursor.execute("create table people.main.people as select 'needle-who-it-is' as shop_user_id, 'k' as user_id")
        cursor.execute(
            "create table people.main.withdrawals as select 'k' as user_id, 'ads' as purpose, null::timestamp as changed_at"
        )
        for name in ("publication", "people"):
            cursor.execute(f"checkpoint {name}")
            cursor.execute(f"detach {name}")
        cursor.execute(f"select put_in_place('{copy}', '{people}')").fetchall()
    finally:
        connection.close()
        plugin._lock.release()  # type: ignore[union-attr]
    published = published_path(database)
    with open_read_only(published) as reader:
        assert reader.execute("from mark").fetchall() == [("needle-in-the-copy",)]
    kept = bytes_below(published.parent / "private")
    assert (b"needle-who-it-is" in kept) is (setting == "off")
    for needle, file in (("needle-in-the-copy", published), ("u17@example.org", database)):
        assert (needle.encode() in file.read_bytes()) is (setting == "off")


def test_withdrawals_beside_a_publication_are_encrypted_too(unsafe: None, database: Path) -> None:
    file = withdrawals_file(database)
    file.parent.mkdir(parents=True)
    withdrawn = duckdb.sql("select 'needle-who-left' as user_id, 'ads' as purpose, null::timestamp as changed_at")
    write_file(withdrawn.to_arrow_table(), file)
    assert read_file(file).to_pylist() == [{"user_id": "needle-who-left", "purpose": "ads", "changed_at": None}]
    assert [path.name for path in file.parent.iterdir()] == [f"{database.stem}.withdrawals.duckdb"]
    assert b"needle-who-left" not in file.read_bytes()


def test_what_is_spilled_is_encrypted(unsafe: None, database: Path) -> None:
    connection = connect(database)
    connection.execute("set memory_limit = '40MB'; set threads = 1")
    rows = "select 'needle-in-the-spill ' || i as text from range(2_000_000) as t(i)"
    cursor = connection.execute(f"select text from ({rows}) order by hash(text)")
    cursor.fetchone()
    spilled = [path.read_bytes() for path in database.with_name(f"{database.name}.tmp").iterdir()]
    connection.close()
    assert sum(map(len, spilled)) > 1_000_000
    assert not [content for content in spilled if b"needle-in-the-spill" in content]


# Keys and files that don't go together


@pytest.fixture
def encrypted(unsafe: None, database: Path) -> Path:
    with open_warehouse(database) as connection:
        connection.execute("create table numbers as select 7 as number")
    return database


def test_another_key_is_one_line(encrypted: Path, monkeypatch: pytest.MonkeyPatch, promo: Promo) -> None:
    monkeypatch.setenv("OFFERHOUSE_ENCRYPTION_KEY", "another key 0123456789")
    code, _, err = promo("sql", "from numbers", "--database", encrypted)
    given = "OFFERHOUSE_ENCRYPTION_KEY or OFFERHOUSE_ENCRYPTION_KEY_FILE gives"
    assert (code, err) == (ENVIRONMENT_FAULT, f"promo: {encrypted} was encrypted with another key than {given}\n")
    with pytest.raises(PromoError, match="another key"), open_warehouse(encrypted):
        pass


def test_an_encrypted_file_without_the_setting_is_one_line(
    encrypted: Path, monkeypatch: pytest.MonkeyPatch, promo: Promo
) -> None:
    monkeypatch.delenv("OFFERHOUSE_ENCRYPTION")
    code, _, err = promo("sql", "from numbers", "--database", encrypted)
    assert (code, err.count("\n")) == (ENVIRONMENT_FAULT, 1)
    assert f"{encrypted} is encrypted: set OFFERHOUSE_ENCRYPTION=on and the key" in err
    with pytest.raises(PromoError, match="is encrypted: set"), open_warehouse(encrypted):
        pass


def test_a_plain_file_with_the_setting_is_refused_with_the_way_on(unsafe: None, tmp_path: Path, promo: Promo) -> None:
    plain = tmp_path / "plain.duckdb"
    subprocess.run(
        [sys.executable, "-c", f"import duckdb; duckdb.connect({str(plain)!r}).execute('create table t as select 1')"], check=True
    )
    for refused in (lambda: open_read_only(plain).__enter__(), lambda: build_warehouse(plain, quiet=True)):
        with pytest.raises(PromoError, match="is in plain and OFFERHOUSE_ENCRYPTION is on: load the shop into a new database"):
            refused()


def test_a_plain_publication_is_refused_before_a_build(encrypted: Path) -> None:
    published = published_path(encrypted)
    published.parent.mkdir()
    subprocess.run([sys.executable, "-c", f"import duckdb; duckdb.connect({str(published)!r}).close()"], check=True)
    with pytest.raises(PromoError, match=r"published/offerhouse\.duckdb is in plain"):
        build_warehouse(encrypted, quiet=True)


def test_training_is_refused(encrypted: Path, promo: Promo) -> None:
    code, _, err = promo("train", "interest", "--database", encrypted, "--models-folder", encrypted.parent / "models")
    assert (code, err.count("\n")) == (ENVIRONMENT_FAULT, 1)
    assert "a training set is written in plain, and OFFERHOUSE_ENCRYPTION is on" in err


# The setting and its key


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("OFFERHOUSE_ENCRYPTION_KEY", raising=False)
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    file.chmod(0o600)
    monkeypatch.setenv("OFFERHOUSE_ENCRYPTION_KEY_FILE", str(file))
    return file


def test_the_key_may_come_from_a_file_of_ones_own(key_file: Path) -> None:
    assert encryption.encryption_key() == KEY
    key_file.chmod(0o640)
    with pytest.raises(PromoError, match=r"may be read by others; make it yours alone: chmod 600"):
        encryption.encryption_key()
    key_file.unlink()
    with pytest.raises(PromoError, match=r"the key file .* can't be read: No such file"):
        encryption.encryption_key()


@pytest.mark.parametrize("key", [None, "", "short"])
def test_a_key_that_is_none_is_one_line(key: str | None, monkeypatch: pytest.MonkeyPatch, database: Path, promo: Promo) -> None:
    monkeypatch.setenv("OFFERHOUSE_ENCRYPTION", "on")
    monkeypatch.delenv("OFFERHOUSE_ENCRYPTION_KEY", raising=False)
    if key is not None:
        monkeypatch.setenv("OFFERHOUSE_ENCRYPTION_KEY", key)
    database.write_bytes(b"")
    code, _, err = promo("sql", "select 1", "--database", database)
    assert (code, err.count("\n")) == (ENVIRONMENT_FAULT, 1)
    assert "asks for a key of 16 characters or more" in err


def test_a_setting_that_is_neither_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for told, is_on in (("on", True), ("ON", True), ("off", False), ("", False)):
        monkeypatch.setenv("OFFERHOUSE_ENCRYPTION", told)
        assert encryption.is_on() is is_on
    monkeypatch.setenv("OFFERHOUSE_ENCRYPTION", "yes please")
    with pytest.raises(PromoError, match="OFFERHOUSE_ENCRYPTION=yes please is neither on nor off"):
        encryption.is_on()
