"""The published database: replaced at once, kept, brought back; and the lock of who writes the working one."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt_common.exceptions import DbtRuntimeError

from promo_cli import encryption, publication
from promo_cli.errors import PromoError
from promo_cli.lock import FileLock, lock_holder
from promo_cli.paths import published_path
from promo_cli.publication import (
    copy_published,
    make_views,
    mark_of,
    new_publication,
    previous_publications,
    put_in_place,
    roll_back,
)
from promo_cli.publish_plugin import Plugin
from promo_cli.status import look
from promo_cli.warehouse import open_warehouse

Promo = Callable[..., tuple[int, str, str]]


@pytest.fixture
def working(tmp_path: Path) -> Path:
    """A database with one number in it."""
    path = tmp_path / "offerhouse.duckdb"
    write(path, 0)
    return path


@pytest.fixture
def published(working: Path) -> Path:
    return published_path(working)


def write(path: Path, number: int) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"create or replace table numbers as select {number} as number")


def read(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as connection:
        return int(connection.execute("select number from numbers").fetchall()[0][0])


def written(published: Path, number: int) -> Path:
    """A publication that is not in its place yet."""
    file = new_publication(published)
    write(file, number)
    return file


def publish(working: Path, number: int) -> None:
    put_in_place(written(published_path(working), number), published_path(working))


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@contextmanager
def another_process(script: str) -> Iterator[subprocess.Popen[str]]:
    """Runs `script`, which holds something until it is told to end; the block begins when it does."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"{script}\nprint(1, flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


# Publishing.


def test_a_publication_takes_the_place_of_the_one_before_whoever_reads_it(working: Path, published: Path) -> None:
    publish(working, 1)
    reader = f"import duckdb; c = duckdb.connect({str(published)!r}, read_only=True)"
    with another_process(reader) as process:  # a reader never keeps a publication from being made
        publish(working, 2)
        assert read(published) == 2
        assert process.poll() is None
    assert (mode(published), mode(published.parent), mode(published.parent / "previous")) == (0o600, 0o700, 0o700)


def test_an_open_reader_sees_one_publication_to_its_end(working: Path, published: Path) -> None:
    publish(working, 1)
    with duckdb.connect(str(published), read_only=True) as reader:
        script = (
            "from pathlib import Path; import sys; sys.path.insert(0, sys.argv[1]); from test_publication import publish\n"
            "publish(Path(sys.argv[2]), 2)"
        )
        subprocess.run([sys.executable, "-c", script, str(Path(__file__).parent), str(working)], check=True)
        assert reader.execute("from numbers").fetchall() == [(1,)]
    assert read(published) == 2


def test_views_are_made_after_what_they_read_and_without_the_shops_tables_not_at_all(published: Path) -> None:
    file = written(published, 1)
    views = ["create view above as from below", "create view raw as from shop.users", "create view below as from numbers"]
    make_views(file, [*views, "create view on_raw as from raw"])
    with duckdb.connect(str(file), read_only=True) as connection:
        assert connection.execute("from above").fetchall() == [(1,)]
        made = connection.execute("select view_name from duckdb_views() where not internal order by 1").fetchall()
    assert made == [("above",), ("below",)]


def test_a_view_of_a_layer_that_would_be_lost_stops_the_publication(published: Path) -> None:
    file = written(published, 1)
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema promotions")
    with pytest.raises(PromoError, match=r"the view promotions\.lost reads what is not published"):
        make_views(file, ["CREATE VIEW promotions.lost AS SELECT * FROM shop.users;", "CREATE VIEW main.own AS FROM raw;"])


def test_what_a_killed_publication_left_goes_with_the_next(working: Path, published: Path) -> None:
    publish(working, 1)
    written(published, 7)
    assert read(published) == 1
    publish(working, 2)
    assert sorted(path.name for path in published.parent.iterdir()) == ["offerhouse.duckdb", "previous"]


def test_the_log_of_a_client_that_wrote_and_died_is_not_read_into_the_next_publication(working: Path, published: Path) -> None:
    publish(working, 1)
    writer = f"import duckdb; c = duckdb.connect({str(published)!r}); c.execute('create table mine as select 9 as number')"
    with another_process(writer) as process:
        process.kill()
        process.wait()
    assert published.with_name("offerhouse.duckdb.wal").stat().st_size > 0
    publish(working, 2)
    assert read(published) == 2
    assert not published.with_name("offerhouse.duckdb.wal").exists()


def test_a_publication_that_fails_changes_nothing(working: Path, published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(working, 1)
    file = written(published, 2)

    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publication, "sync_to_disk", full)
    with pytest.raises(OSError, match="No space left"):
        put_in_place(file, published)
    assert read(published) == 1


def test_a_copy_to_go_on_from_is_of_the_file_that_was_published_then(published: Path, working: Path) -> None:
    publish(working, 1)
    mark = mark_of(published)
    copy = copy_published(published, mark)
    assert copy is not None
    assert (copy.read_bytes(), copy.parent, mode(copy)) == (published.read_bytes(), published.parent, 0o600)
    write(published, 2)  # by a client, against the advice
    assert copy_published(published, mark) is None
    publish(working, 3)
    assert copy_published(published, mark) is None
    published.unlink()
    assert copy_published(published, mark) is None


def block_bytes(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as connection:
        return int(connection.execute("select block_size from pragma_database_size()").fetchall()[0][0])


def test_a_publication_has_small_blocks_and_one_of_an_earlier_version_goes_on_with_its_own(tmp_path: Path) -> None:
    new, earlier = tmp_path / "new.duckdb", tmp_path / "earlier.duckdb"
    write(earlier, 1)
    for path in (new, earlier):
        with duckdb.connect() as connection:
            encryption.attach(connection, path, "publication", is_passing=True)
            connection.execute("create or replace table publication.numbers as select 2 as number; checkpoint publication")
    assert (block_bytes(new), block_bytes(earlier)) == (encryption.BLOCK_BYTES, 262_144)
    assert (read(new), read(earlier)) == (2, 2)


def test_a_copy_that_fails_leaves_no_part_of_it(published: Path, working: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(working, 1)

    def full(_: Path, copy: Path) -> None:
        copy.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publication, "_copy", full)
    with pytest.raises(OSError, match="No space left"):
        copy_published(published, mark_of(published))
    assert list(published.parent.glob(".*")) == []
    assert read(published) == 1


@pytest.mark.parametrize("refusal", [None, OSError(95, "Operation not supported"), 0, 100])
def test_a_copy_is_whole_where_blocks_cannot_be_shared(
    published: Path, working: Path, monkeypatch: pytest.MonkeyPatch, refusal: OSError | int | None
) -> None:
    """Another system than Linux, a file system that refuses, and one that ends early, at once or on the way."""
    publish(working, 1)
    asked = []

    def shared(source: int, target: int, count: int) -> int:
        asked.append(count)
        if isinstance(refusal, OSError):
            raise refusal
        return os.write(target, os.read(source, refusal)) if refusal and len(asked) == 1 else 0

    if refusal is None:
        monkeypatch.delattr(publication.os, "copy_file_range")
    else:
        monkeypatch.setattr(publication.os, "copy_file_range", shared)
    copy = copy_published(published, mark_of(published))
    assert copy is not None
    assert copy.read_bytes() == published.read_bytes()


def test_as_many_earlier_publications_stay_as_were_asked_for(
    working: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        publish(working, number)
    assert [read(path) for path in previous_publications(published)] == [3, 2]
    monkeypatch.setenv("OFFERHOUSE_KEPT", "0")
    publish(working, 5)
    assert previous_publications(published) == []
    monkeypatch.setenv("OFFERHOUSE_KEPT", "many")
    with pytest.raises(PromoError, match="OFFERHOUSE_KEPT=many is no number"):
        publish(working, 6)


def test_rolling_back_brings_the_newest_earlier_publication_back(working: Path, published: Path) -> None:
    for number in range(3):
        publish(working, number)
    for number in (1, 0):
        roll_back(published)
        assert read(published) == number
    with pytest.raises(PromoError, match="there is no earlier publication beside"):
        roll_back(published)
    publish(working, 9)
    assert [read(path) for path in previous_publications(published)] == [0]


def test_databases_of_one_folder_have_publications_of_their_own(working: Path, published: Path) -> None:
    publish(working, 1)
    publish(working, 2)
    other = published.with_name("other.duckdb")
    shutil.copy(published, other)
    with pytest.raises(PromoError, match="there is no earlier publication beside"):
        roll_back(other)
    assert previous_publications(other) == []
    assert [path.name.partition("_")[0] for path in previous_publications(published)] == ["offerhouse.000001"]
    legacy = published.parent / "previous" / "000007_20250101T000000Z.duckdb"
    shutil.copy(published, legacy)
    assert previous_publications(published)[0] == previous_publications(other)[0] == legacy
    passing = new_publication(published)
    passing.touch()
    new_publication(other)
    assert passing.exists()


def test_rolling_back_where_nothing_was_published_makes_no_folder(tmp_path: Path) -> None:
    with pytest.raises(PromoError, match="there is no earlier publication beside"):
        roll_back(tmp_path / "published" / "offerhouse.duckdb")
    assert not list(tmp_path.iterdir())


def test_a_publication_that_died_before_its_rename_is_not_its_own_predecessor(working: Path, published: Path) -> None:
    for number in range(2):
        publish(working, number)
    publication._keep(published)  # and here it was killed
    assert [read(path) for path in previous_publications(published)] == [0]
    roll_back(published)
    assert read(published) == 0


def test_rollback_without_a_publication_is_one_line(working: Path, promo: Promo) -> None:
    code, _, err = promo("publish", "--rollback", "--database", working)
    assert code == 1
    assert "there is no earlier publication" in err


@pytest.mark.parametrize(("database", "expected"), [("a.duckdb", "elsewhere.duckdb"), ("b.duckdb", "published/b.duckdb")])
def test_the_published_file_of_the_environment_is_of_its_database_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str, expected: str
) -> None:
    monkeypatch.setenv("OFFERHOUSE_DB", str(tmp_path / "a.duckdb"))
    monkeypatch.setenv("OFFERHOUSE_PUBLISHED", str(tmp_path / "elsewhere.duckdb"))
    assert published_path(tmp_path / database) == tmp_path / expected


def test_the_last_build_is_told_first_when_the_clock_was_set_back(working: Path) -> None:
    with duckdb.connect(str(working)) as connection:
        connection.execute(
            """
            create schema audits;
            create table audits.builds as
            select
                build_id, started_at, started_at + interval 1 minute as finished_at, 'build' as command, true as is_complete,
                'passed' as outcome, null as failure, 1 as models_built, 1 as tests_passed, 0 as tests_warned, 0 as tests_failed
            from (values ('first', timestamp '2031-01-01'), ('second', timestamp '2026-01-01')) as builds(build_id, started_at)
            """
        )
    assert [build["build_id"] for build in look(working)["builds"]] == ["second", "first"]


# The lock.

LOCK = (
    "from pathlib import Path; from promo_cli.lock import write_lock; lock = write_lock(Path({!r}), 'promo build'); lock.take()"
)


def test_who_writes_is_named_and_a_dead_writer_is_succeeded(working: Path) -> None:
    file = working.with_name(".offerhouse.duckdb.lock")
    assert lock_holder(file) is None
    with another_process(LOCK.format(str(working))) as process:
        holder = lock_holder(file)
        assert holder is not None
        assert (holder.pid, holder.command, holder.minutes) == (process.pid, "promo build", 0)
        told = rf"being written by another promo build \(process {process.pid}, for 0 min\); wait for it or end it"
        with pytest.raises(PromoError, match=told) as held, open_warehouse(working):
            pass
        assert held.value.exit_code == 3
        process.kill()
        process.wait()
        assert file.exists()
        assert lock_holder(file) is None  # whoever bears its number now
        with open_warehouse(working):
            assert lock_holder(file) is not None
    assert not file.exists()


def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    script = LOCK.format(str(tmp_path / "offerhouse.duckdb"))
    with another_process(f"{script}\nimport threading, os\nthreading.Timer(0.8, os._exit, [0]).start()"):
        lock = FileLock(tmp_path / ".offerhouse.duckdb.lock", "promo build")
        started = time.monotonic()
        assert lock.take(wait_seconds=30) is None
        assert time.monotonic() - started < 20
        lock.release()


def test_a_clock_that_was_set_back_makes_no_negative_age(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock", "promo build")
    assert lock.take() is None
    file = lock.path.read_text()
    lock.path.write_text(file.replace(str(int(time.time()) // 100), str(int(time.time()) // 100 + 100)))
    holder = FileLock(lock.path, "another").take()
    lock.release()
    assert holder is not None
    assert holder.minutes == 0
    assert holder.pid == os.getpid()


# dbt, which takes the lock itself, so that plain dbt build is told of and waited for like promo build.


def opened_by_dbt(database: Path) -> Plugin:
    plugin = Plugin("publish_plugin", {}, DuckDBCredentials(path=str(database), database="offerhouse", schema="main"))
    plugin.update_connection_config(plugin.creds, {})
    return plugin


def released(plugin: Plugin) -> None:
    assert plugin._lock is not None
    plugin._lock.release()


def test_dbt_names_who_writes_and_waits_when_it_is_told_to(working: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = LOCK.format(str(working))
    with (
        another_process(script) as process,
        pytest.raises(
            DbtRuntimeError, match=rf"offerhouse\.duckdb is being written by another promo build \(process {process.pid}"
        ),
    ):
        opened_by_dbt(working)
    monkeypatch.setenv("OFFERHOUSE_WAIT", "30")
    with another_process(f"{script}\nimport threading, os\nthreading.Timer(0.8, os._exit, [0]).start()"):
        plugin = opened_by_dbt(working)
        holder = lock_holder(working.with_name(".offerhouse.duckdb.lock"))
        assert holder is not None
        assert (holder.pid, holder.command) == (os.getpid(), "dbt")
        released(plugin)
    monkeypatch.setenv("OFFERHOUSE_WAIT", "soon")
    with pytest.raises(DbtRuntimeError, match="OFFERHOUSE_WAIT=soon is no number of seconds"):
        opened_by_dbt(working)


def test_dbt_names_the_client_that_has_the_database_open(working: Path) -> None:
    client = f"import duckdb; c = duckdb.connect({str(working)!r}, read_only=True)"
    told = r"offerhouse\.duckdb is open in another process \(PID {}\); close it and run again"
    with another_process(client) as process, pytest.raises(DbtRuntimeError, match=told.format(process.pid)):
        opened_by_dbt(working)
