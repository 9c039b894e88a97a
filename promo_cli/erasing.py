"""The erasure of people from everything that is kept of them; `promo erase` asks for it, the next load, build or publication
finishes one that was interrupted.

In this order, so that a process that dies on the way leaves what the rest is found by: the journal in the working database
(promo_cli/erasures.py), campaign files, withdrawals, the databases of all publications, then their people, and last the working
database itself, in whose new file the journal is closed. Every file is written anew under a passing name and takes the place of
the old one by a rename: at any moment each is the one from before or the one from after.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree

import duckdb

from promo_cli import encryption
from promo_cli.erasures import keep_copy, pending, register_tombstones, request
from promo_cli.errors import ENVIRONMENT_FAULT, PromoError
from promo_cli.exported_files import Known, folders_of, remove_rows, remove_sealed, rows_of, sealed_files
from promo_cli.key import secret_of
from promo_cli.lock import writing
from promo_cli.next_step import must_be_there
from promo_cli.paths import published_path
from promo_cli.people_file import UNFINISHED, forget_unfinished, people_files, people_of, private_folder
from promo_cli.person import Person, find_people, merged
from promo_cli.private_files import remove_abandoned, sync_to_disk
from promo_cli.publication import publications, publishing
from promo_cli.rewriting import PeopleIn, rewrite
from promo_cli.training_set import forget_training
from promo_cli.warehouse import is_database, quoted_name, set_limits, why_not_open
from promo_cli.withdrawals import is_there, read_file, withdrawals_file, write_file
from udfs.secret import pseudonym

Tell = Callable[[str], None]
"""Told of each file that is being written anew."""


@dataclass
class Erasure:
    """What is removed, or would be: rows by relation and by campaign file."""

    people: int = 0
    working: dict[str, int] = field(default_factory=dict)
    published: dict[str, dict[str, int]] = field(default_factory=dict)
    campaign_files: dict[str, int] = field(default_factory=dict)
    sealed_files: list[str] = field(default_factory=list)
    """Campaign files that only their recipient can read: they go as a whole."""


def erase_people(database: Path, users: Sequence[str], folders: Sequence[Path], tell: Tell) -> Erasure:
    """Erase `users`, the shop's own ids or the warehouse's keys, from everything that belongs to the working `database`.

    `folders`: where campaign files lie beside those that exports remember. Raises PromoError: there is no database, a user is
    not known or was erased, or a campaign file can't be read (exit code 1; nobody is erased then), another process has the
    database (3); OSError when the disk is full.
    """
    must_be_there(database)  # before the lock, which would be made in a folder that may not be there, either
    with writing(database, "promo erase"):
        people = look_up(database, users)
        searched = folders_of(database, folders)
        for folder in searched:  # one that can't be read is told before the journal asks each load and build for the rest
            for _ in rows_of(folder, Known.of(people)):
                pass
        with attached(database, read_only=False) as connection:
            connection.execute("begin")
            request(connection, [person.shop_user_id for person in people], searched)
            _forget_last_build(connection)
            connection.execute("commit")
        return _erase(database, tell)


def finish_pending(database: Path, tell: Tell) -> int:
    """Finishes erasures of `database` that were interrupted; how many people they are of.

    Called before a load, a build and a publication. Raises as `erase_people`.
    """
    if not database.is_file() or not is_database(database):
        return 0
    try:
        with attached(database) as connection:
            marks, _ = pending(connection)
    except PromoError:  # another process has it, which whoever comes after this is told or waits for
        return 0
    if marks:
        with writing(database, "promo erase"):
            _erase(database, tell)
    return len(marks)


def foretell(database: Path, users: Sequence[str], folders: Sequence[Path]) -> Erasure:
    """What `erase_people` would remove; raises as it does, and changes nothing."""
    must_be_there(database)
    with writing(database, "promo erase --dry-run"):
        people = look_up(database, users)
        told = Erasure(len(people))
        with attached(database) as connection:
            told.working = PeopleIn(connection, "old", people).count()
        for file in publications(published_path(database)):
            with attached(file) as connection:
                told.published[str(file)] = PeopleIn(connection, "old", people).count()
        for folder in folders_of(database, folders):
            told.campaign_files |= {str(path): len(rows) for path, rows in rows_of(folder, Known.of(people))}
            told.sealed_files += map(str, sealed_files(folder))
        return told


def files_of(database: Path) -> list[Path]:
    """The database files that an erasure writes anew, in its order: those of all publications, then the working one."""
    published = published_path(database)
    kept = [*publications(published), *people_files(published)] if published.parent.is_dir() else []
    return [*kept, *([database] if database.is_file() else [])]


def look_up(database: Path, users: Sequence[str], read_working: bool = True) -> list[Person]:
    """What is known of `users` in the working database, the shop's tables as they are loaded now, and all publications.

    Without `read_working` in the publications alone.

    Raises PromoError (exit code 1) naming the first who is not found or was erased.
    """
    from promo_cli.people import nobody

    if read_working:
        must_be_there(database)
    secret = secret_of(database)
    found: list[Person] = []
    names = list(dict.fromkeys(users))
    if read_working:
        found += _of_working(database, names)
    for file in publications(published_path(database)):
        people = people_of(file, published_path(database))
        with attached(file, people=people) as connection:
            if people is not None and people.is_file():
                found += find_people(connection, "people_file.main.people", names)
    known = merged(found)
    if secret is not None:
        known = merged([*known, *(Person(person.shop_user_id, (pseudonym(secret, person.shop_user_id),)) for person in known)])
    answering = {name for person in known for name in (person.shop_user_id, *person.keys)}
    for user in names:
        if user not in answering:
            raise nobody(database, user)
    return known


def _forget_last_build(connection: duckdb.DuckDBPyConnection) -> None:
    """`promo build --changes` goes on from tables and a publication that are as the last build left them, which an erasure ends.

    With the journal's entry, before anything is removed: one that dies on the way has ended it, too. What is remembered of each
    user's rows of the shop (macros/engine/shop_changes.sql) names the shop's users, and goes as well.
    """
    connection.execute("drop schema if exists changes cascade")
    for (table,) in connection.execute(
        "select table_name from duckdb_tables() where database_name = current_database() and schema_name = 'private' "
        "and (table_name in ('last_build', 'published_sums') or starts_with(table_name, 'rows_of_shop_'))"
    ).fetchall():
        connection.execute(f"drop table private.{quoted_name(table)}")


def _forget(passing: Path) -> None:
    for path in (passing, passing.with_name(f"{passing.name}.wal")):
        path.unlink(missing_ok=True)


def _erase(database: Path, tell: Tell) -> Erasure:
    """Erases whom the journal asks for."""
    with attached(database) as connection:
        marks, folders = pending(connection)
    people = look_up(database, _named_by(database, marks))
    published, known = published_path(database), Known.of(people)
    done = Erasure(len(people))
    _remove_leftovers(database)
    for folder in folders:
        if folder.is_dir():
            tell(str(folder))
            done.campaign_files |= remove_rows(folder, known)
            done.sealed_files += remove_sealed(folder)
    _rewrite_withdrawals(database, known)
    with publishing(published) if published.parent.is_dir() else nullcontext():
        # People last: who stands in publications alone is found by them when this is finished after a crash.
        for file in [*publications(published), *people_files(published)]:
            tell(str(file))
            done.published[str(file)] = _replace(file, people, _passing(file), _record_again)
    tell(str(database))

    def close_journal(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(
            "update new.private.erasures set is_finished = true, folders = [] where tombstone in $marks", {"marks": marks}
        )
        _take_over_record(connection, published)

    done.working = _replace(database, people, _passing(database), close_journal)
    with attached(database) as connection:
        keep_copy(connection, database)
    return done


def _remove_leftovers(database: Path) -> None:
    """What killed builds, publications and trainings had written so far, or spilled: nobody reads it, and it may name anybody."""
    published = published_path(database)
    for folder in (published.parent, private_folder(published)):
        forget_unfinished(folder, published)
    if private_folder(published).is_dir():
        remove_abandoned(private_folder(published))
    forget_training(database)
    rmtree(f"{database}.tmp", ignore_errors=True)


def _replace(
    file: Path, people: list[Person], passing: Path, then: Callable[[duckdb.DuckDBPyConnection], None]
) -> dict[str, int]:
    """`file` written anew without `people`, on disk for good, in the place of the old one; rows left out by table."""
    since = file.stat()
    _forget(passing)  # what an erasure that was killed had written so far
    try:
        with attached(file) as connection:
            encryption.attach(connection, passing, "new", is_passing=True)
            connection.execute("set preserve_insertion_order = true")
            removed = rewrite(connection, "old", "new", people)
            then(connection)
            connection.execute("checkpoint new")
            connection.execute("detach new")
        passing.chmod(since.st_mode & 0o777)
        os.utime(passing, ns=(since.st_atime_ns, since.st_mtime_ns))  # previous publications are told by their time
        sync_to_disk(passing)
        file.with_name(f"{file.name}.wal").unlink(missing_ok=True)
        passing.replace(file)
        sync_to_disk(file.parent)
    finally:
        _forget(passing)
    return removed


def _record_again(connection: duckdb.DuckDBPyConnection) -> None:
    from promo_cli.fingerprint import record_again

    recorded = (
        "select 1 from duckdb_tables() where database_name = 'new' and schema_name = 'audits' and table_name = 'publication'"
    )
    if connection.execute(recorded).fetchall():
        record_again(connection, "new")


def _take_over_record(connection: duckdb.DuckDBPyConnection, published: Path) -> None:
    """The working database's record of what is published tells what is published now, where it is of the same build."""
    if not published.is_file() or not is_there(connection, "audits", "publication"):
        return
    encryption.attach(connection, published, "published", read_only=True)
    same = "(select max(build_id) from published.audits.publication) = (select max(build_id) from new.audits.publication)"
    connection.execute(f"create temp table taken as from published.audits.publication where {same}")
    connection.execute("delete from new.audits.publication where exists (from taken)")
    connection.execute("insert into new.audits.publication by name from taken")
    connection.execute(
        "update new.audits.builds as builds set content_hash = kept.content_hash from published.audits.builds as kept "
        "where builds.build_id = kept.build_id and kept.build_id in (select build_id from taken)"
    )
    connection.execute("detach published")


def _rewrite_withdrawals(database: Path, known: Known) -> None:
    file = withdrawals_file(database)
    if not file.is_file():
        return
    import pyarrow
    from pyarrow import compute

    table = read_file(file)
    named = compute.is_in(table["user_id"], pyarrow.array(sorted(known.ids), pyarrow.string()))
    write_file(table.filter(compute.invert(named)), file)


def _of_working(database: Path, names: list[str]) -> list[Person]:
    with attached(database) as connection:
        found = _of_shop(connection, names)
        if is_there(connection, "private", "people"):
            found += find_people(connection, "private.people", names)
        if is_there(connection, "private", "user_keys"):
            rows = connection.execute(
                "select shop_user_id, user_id from private.user_keys where shop_user_id in $names or user_id in $names",
                {"names": names},
            ).fetchall()
            found += [Person(shop_user_id, tuple(filter(None, [key]))) for shop_user_id, key in rows]
        return found


def _of_shop(connection: duckdb.DuckDBPyConnection, names: list[str]) -> list[Person]:
    """Who stands in the shop's tables as they are now, and their e-mail addresses there."""
    found = []
    for table, column in connection.execute(
        "select table_name, column_name from duckdb_columns() where database_name = 'old' and schema_name = 'shop' "
        "and column_name in ('user_id', 'email') order by all"
    ).fetchall():
        if column == "user_id":
            rows = connection.execute(
                f"select distinct cast(user_id as varchar) from shop.{quoted_name(table)} "
                "where cast(user_id as varchar) in $names",
                {"names": names},
            ).fetchall()
            found += [Person(user, ()) for (user,) in rows]
        elif table == "users":
            rows = connection.execute(
                "select cast(user_id as varchar), email from shop.users where cast(user_id as varchar) in $names and email <> ''",
                {"names": names},
            ).fetchall()
            found += [Person(user, (), (email,)) for user, email in rows]
    return found


def _named_by(database: Path, marks: list[str]) -> list[str]:
    """The shop's own ids behind tombstones, of all users that are still known anywhere."""
    with attached(database) as connection:
        register_tombstones(connection)
        sources = [
            f"select cast({quoted_name(column)} as varchar) as name from {quoted_name(schema)}.{quoted_name(table)}"
            for schema, table, column in connection.execute(
                "select columns.schema_name, columns.table_name, columns.column_name from duckdb_columns() as columns "
                "inner join duckdb_tables() as tables using (database_name, schema_name, table_name) "
                "where columns.database_name = 'old' and ((columns.schema_name = 'shop' and columns.column_name = 'user_id') "
                "or (columns.schema_name = 'private' and columns.column_name = 'shop_user_id')) order by all"
            ).fetchall()
        ]
        for number, file in enumerate(people_files(published_path(database))):
            encryption.attach(connection, file, f"people_{number}", read_only=True)
            sources.append(f"select shop_user_id as name from people_{number}.main.people")
        if not sources:
            return []
        rows = connection.execute(
            f"""
            select name from ({" union ".join(sources)})
            where tombstone((select max(salt) from private.erasures), name) in $marks
            """,
            {"marks": marks},
        ).fetchall()
        return [name for (name,) in rows]


def _passing(file: Path) -> Path:
    return file.with_name(f"{UNFINISHED}{file.name}.rewritten")


@contextmanager
def attached(file: Path, read_only: bool = True, people: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """The database `file` as `old`, the catalogue in use; raises PromoError (exit code 3) when it can't be opened."""
    # Set later, the encryption is refused where a killed process left what it had spilled.
    spill = {"temp_directory": f"{file}.tmp", "temp_file_encryption": encryption.is_on()}
    with duckdb.connect(config=spill) as connection:
        connection.execute("set TimeZone = 'UTC'")
        set_limits(connection)
        try:
            encryption.attach(connection, file, "old", read_only)
            connection.execute("use old")
            if people is not None and people.is_file():
                encryption.attach(connection, people, "people_file", read_only=True)
        except duckdb.Error as error:
            raise PromoError(why_not_open(file, error), ENVIRONMENT_FAULT) from error
        yield connection
