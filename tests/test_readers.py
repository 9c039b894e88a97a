"""Reading what is published: promo sql and status, and consent withdrawn since."""

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from test_export import BUILT, add_consent, add_person, run, users

from promo_cli import warehouse_reader
from promo_cli.campaign_formats import FileFormat
from promo_cli.encryption import connect
from promo_cli.errors import PromoError
from promo_cli.export import export_campaign
from promo_cli.lock import write_lock
from promo_cli.paths import published_path
from promo_cli.people_file import people_file
from promo_cli.warehouse import open_warehouse
from promo_cli.withdrawals import keep_withdrawals

Promo = Callable[..., tuple[int, str, str]]

RECORD = """
create schema audits;
create table audits.builds as select 'build-1' as build_id, timestamp '2024-03-05 06:00:00' as started_at,
    timestamp '2024-03-05 06:01:30' as finished_at, 'build' as command, true as is_complete, 'passed' as outcome,
    cast(null as varchar) as failure, date '2024-03-05' as as_of_date, 160 as models_built, 700 as tests_passed,
    1 as tests_warned, 0 as tests_failed, 'p' as policy_version, ['interest bbb'] as models, 'c0ffee' as content_hash,
    '0.1.0' as offerhouse_version, 'v2' as duckdb_version;
insert into audits.builds by name select 'build-2' as build_id, timestamp '2024-03-06' as started_at, 'build' as command,
    'interrupted' as outcome;
create table audits.build_nodes as select * from (values
    ('build-1', 'offers', 'model', 'success', 2.5, null, null), ('build-1', 'users', 'model', 'success', 0.5, null, null),
    ('build-1', 'drift', 'test', 'warn', 0.1, 7, null)
) as nodes(build_id, node, kind, outcome, seconds, failing_rows, message);
create table audits.publication as select 'promotions.offers' as relation, 'table' as kind, 'build-1' as build_id,
    12 as row_count, 'f00' as content_hash, timestamp '2024-03-05 06:01:31' as published_at;
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working database and, published from it, the same."""
    path = tmp_path_factory.mktemp("made") / "warehouse.duckdb"
    run(path, BUILT + RECORD)
    add_person(path, "u1")
    add_person(path, "u2")
    published_path(path).parent.mkdir()
    shutil.copy(path, published_path(path))
    return path


@pytest.fixture
def database(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made.parent, tmp_path / "warehouse")
    return tmp_path / "warehouse" / made.name


def load_consents(database: Path, rows: str) -> None:
    """What promo load does: the shop's table is replaced, and exports are told."""
    with open_warehouse(database) as connection:
        connection.execute(f"create or replace table shop.consents as {rows}")
        keep_withdrawals(connection, database)


def exported(database: Path) -> list[str]:
    return users(export_campaign(database, "welcome", FileFormat.JSONL, database.parent / "exports"))


WITHDRAWN = (
    "select 'u1' as user_id, 'marketing' as purpose, timestamp '2024-03-01' as changed_at, {} as granted "
    "union all select 'u2', 'marketing', timestamp '2024-03-01', true"
)


def test_exports_read_what_is_published_while_the_working_database_is_written(database: Path, tmp_path: Path) -> None:
    run(database, "delete from promotions.campaign_audience")
    with duckdb.connect(str(database)):
        assert exported(database) == ["u1", "u2"]


def test_a_withdrawal_counts_as_soon_as_it_is_loaded(database: Path) -> None:
    load_consents(database, WITHDRAWN.format("false"))
    with duckdb.connect(str(database)):  # a build holds the working database
        assert exported(database) == ["u2"]
    load_consents(database, WITHDRAWN.format("true"))
    assert exported(database) == ["u1", "u2"]
    load_consents(database, "select * from (" + WITHDRAWN.format("false") + ") where false")
    assert exported(database) == ["u1", "u2"]


def test_consents_that_no_build_has_seen_stop_the_export(database: Path) -> None:
    for path in (database, published_path(database)):
        run(path, "create or replace view staging.base_consents as select * from shop.consents where false")
    load_consents(database, WITHDRAWN.format("false"))
    with pytest.raises(PromoError, match=r"shop\.consents was loaded after the last build, which doesn't know it"):
        exported(database)


def test_consents_that_a_build_has_seen_by_now_count_and_survive_a_rollback(database: Path) -> None:
    published = published_path(database)
    seen = published.read_bytes()
    run(database, "create or replace view staging.base_consents as select * from shop.consents where false")
    load_consents(database, WITHDRAWN.format("false"))
    run(database, "create or replace view staging.base_consents as from shop.consents")  # and here it was built and published
    with duckdb.connect(str(database)) as connection:
        keep_withdrawals(connection, database)
    published.write_bytes(database.read_bytes())
    assert exported(database) == ["u2"]
    published.write_bytes(seen)
    assert exported(database) == ["u2"]


def test_withdrawals_of_the_published_build_count_too(database: Path) -> None:
    add_consent(published_path(database), "u2", "2024-03-01", granted=False)
    assert exported(database) == ["u1"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "user_id  offers  note\nu1            1\nu2            2  a�b\n"),
        (["--format", "csv"], 'user_id,offers,note\nu1,1,\nu2,2,"a\nb"\n'),
        (
            ["--format", "json"],
            '{"user_id": "u1", "offers": 1, "note": null}\n{"user_id": "u2", "offers": 2, "note": "a\\nb"}\n',
        ),
    ],
)
def test_sql_prints_rows(database: Path, promo: Promo, options: list[str], expected: str) -> None:
    query = "select * from (values ('u1', 1, null), ('u2', 2, 'a\nb')) as t(user_id, offers, note)"
    code, out, err = promo("sql", query, *options, "--database", database)
    assert (code, out, err) == (0, expected, "")


@pytest.mark.parametrize("options", [["--format", "csv"], []])
def test_sql_prints_what_is_no_single_value_as_json(database: Path, promo: Promo, options: list[str]) -> None:
    query = "select true as yes, [1.50, null] as amounts, {'day': date '2024-03-05', 'é': [false]} as s, map {2: 'b'} as m"
    code, out, _ = promo("sql", query, *options, "--database", database)
    told = ["true", '["1.50", null]', '{"day": "2024-03-05", "é": [false]}', '{"2": "b"}']
    found = next(csv.reader([out.splitlines()[1]])) if options else re.split(r"\s{2,}", out.splitlines()[1].strip())
    assert (code, found) == (0, told)


def test_an_export_reads_the_people_of_the_build_that_it_has_open(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another is published just when it opens the database."""
    published = published_path(database)
    later = published.with_name("later.duckdb")
    run(published, "drop schema private cascade")
    shutil.copy(published, later)
    run(later, "update audits.publication set build_id = 'build-2'")
    for build in ("build-1", "build-2"):
        file = people_file(published, build)
        file.parent.mkdir(exist_ok=True)
        run(file, f"create table people as select '{build}' as shop_user_id, '{build}' as user_id")
        run(file, "create table withdrawals (user_id varchar, purpose varchar, changed_at timestamp)")

    def publish_and_connect(*arguments: Any, **options: Any) -> duckdb.DuckDBPyConnection:
        if later.exists():
            later.replace(published)
        return connect(*arguments, **options)

    monkeypatch.setattr(warehouse_reader, "connect", publish_and_connect)
    with warehouse_reader.open_for_export(database) as connection:
        assert connection.execute("select shop_user_id from people").fetchall() == [("build-2",)]


def test_sql_loses_nothing_as_json_and_prints_nothing_that_is_none(database: Path, promo: Promo) -> None:
    """Columns of one name, figures that JSON doesn't have, and a map's keys."""
    query = (
        "select 1 as a, 2 as a, 3 as a_1, 4 as a, 'nan'::double as x, ['inf'::double, 0.5::double] as y, "
        "map {date '2024-03-05': 'b'} as m, {'k': '-inf'::float} as s"
    )
    expected = {"a": 1, "a_2": 2, "a_1": 3, "a_3": 4, "x": "nan", "y": ["inf", 0.5], "m": {"2024-03-05": "b"}, "s": {"k": "-inf"}}
    code, out, err = promo("sql", query, "--json", "--database", database)
    assert (code, err, json.loads(out)) == (0, "", [expected])
    code, out, err = promo("sql", query, "--format", "json", "--database", database)
    assert (code, err, json.loads(out)) == (0, "", expected)


@pytest.mark.parametrize(
    "query",
    [
        "from read_csv('/etc/passwd')",
        "copy (select 1) to '{folder}/stolen.csv'",
        "attach '{folder}/new.duckdb'",
        "delete from promotions.campaign_audience",
        "set enable_external_access = true",
        "set memory_limit = '1GB'",
        "select 1; select 2",
        "from statements",
        "selec",
    ],
)
def test_sql_can_read_the_published_database_and_nothing_else(database: Path, promo: Promo, query: str) -> None:
    before = published_path(database).read_bytes()
    code, out, err = promo("sql", query.format(folder=database.parent), "--database", database)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert published_path(database).read_bytes() == before
    assert not list(database.parent.glob("stolen.csv")) + list(database.parent.glob("new.duckdb"))


def test_sql_says_so_when_nothing_is_published(database: Path, promo: Promo) -> None:
    published_path(database).unlink()
    code, out, err = promo("sql", "select 1 as one", "--database", database)
    assert (code, out) == (0, "one\n  1\n")
    assert err == f"note: nothing is published yet; this reads the working database {database}\n"


def test_a_build_that_was_killed_is_not_told_as_running(database: Path, promo: Promo) -> None:
    """Its record says so until the next build, and nobody is writing."""
    run(database, "update audits.builds set outcome = 'running' where outcome = 'interrupted'")
    found = json.loads(promo("status", "--json", "--database", database)[1])
    assert found["writer"] is None
    assert [build["outcome"] for build in found["builds"]] == ["interrupted", "passed"]


def test_status_tells_builds_publication_and_writer(database: Path, promo: Promo) -> None:
    code, out, _ = promo("status", "--json", "--database", database)
    found = json.loads(out)
    assert code == 0
    assert found["published"] | {"age_hours": 0, "days_behind": 0} == {
        "path": str(published_path(database)),
        "build_id": "build-1",
        "as_of_date": "2024-03-05",
        "finished_at": "2024-03-05T06:01:30",
        "published_at": "2024-03-05T06:01:31",
        "policy_version": "p",
        "content_hash": "c0ffee",
        "offerhouse_version": "0.1.0",
        "duckdb_version": "v2",
        "models": ["interest bbb"],
        "relations": 1,
        "table_rows": 12,
        "age_hours": 0,
        "days_behind": 0,
    }
    assert found["published"]["days_behind"] > 600
    assert [(build["outcome"], build["seconds"]) for build in found["builds"]] == [("interrupted", None), ("passed", 90.0)]
    assert [row["node"] for row in found["slowest"]] == ["offers", "users"]
    assert [(row["node"], row["failing_rows"]) for row in found["complaints"]] == [("drift", 7)]
    assert found["writer"] is None
    assert found["told_by"] == str(database)
    lock = write_lock(database.resolve(), "promo build")
    assert lock.take() is None
    try:
        with duckdb.connect(str(database)):
            code, out, _ = promo("status", "--database", database)
    finally:
        lock.release()
    assert code == 0
    assert "writing now  promo build, process" in out
    assert f"told by      {published_path(database)}" in out


def test_status_before_anything_was_built(tmp_path: Path, promo: Promo) -> None:
    code, _, err = promo("status", "--database", tmp_path / "none.duckdb")
    assert (code, err.count("\n")) == (1, 1)
    with open_warehouse(tmp_path / "new.duckdb"):
        pass
    code, out, _ = promo("status", "--database", tmp_path / "new.duckdb")
    assert code == 0
    assert "published    nothing yet" in out


def test_logs_are_json_when_asked_for(database: Path, promo: Promo, monkeypatch: pytest.MonkeyPatch) -> None:
    published_path(database).unlink()
    monkeypatch.setenv("OFFERHOUSE_LOG_FORMAT", "text")  # restored at the end, for the option sets it
    code, out, err = promo("--log-format", "json", "sql", "select 1 as one", "--database", database)
    told = json.loads(err)
    assert (code, out, told["level"]) == (0, "one\n  1\n", "info")
    assert told["message"].startswith("note: nothing is published yet")
    code, _, err = promo("--log-format", "json", "sql", "selec", "--database", database)
    told = json.loads(err.splitlines()[0])
    assert (told["level"], told["exit_code"]) == ("error", code)
