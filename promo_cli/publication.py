"""The published database: a file that analysts and exports read while builds go on, replaced by one rename.

    <folder of the working database>/published/<its name>      what is published
    …/published/previous/<name>.<number>_<published at>.duckdb  what was published before
    …/published/private/                                        who the users are (promo_cli/people_file.py)

It holds neither the shop's own tables nor the schema private, so it is written anew, table by table: a copied file would keep the
bytes of what is dropped from it. A build of what changed (`promo build --changes`) goes on from a copy of what is published,
which never held them. Rows that it replaces may be read in the file's free blocks until a build of everything; those of people
who were erased may not, as an erasure writes every file anew.

A file under a passing name (`.unpublished-…`) is being written, or was when its process died; nobody reads it, and the next
publication removes it.
"""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from promo_cli import encryption
from promo_cli.errors import DATA_FAULT, ENVIRONMENT_FAULT, PromoError
from promo_cli.paths import make_private_folder, published_path
from promo_cli.people_file import UNFINISHED, forget_unfinished, forget_unneeded_people, people_of
from promo_cli.private_files import sync_to_disk

DEFAULT_KEPT = 2
"""How many earlier publications are kept; OFFERHOUSE_KEPT says otherwise."""


def new_publication(published: Path) -> Path:
    """A name in the folder of `published` for a publication that is being written; what a killed one left goes first."""
    make_private_folder(published.parent)
    forget_unfinished(published.parent, published)
    descriptor, name = tempfile.mkstemp(dir=published.parent, prefix=f"{UNFINISHED}{published.name}-", suffix=".duckdb")
    os.close(descriptor)
    os.unlink(name)  # DuckDB makes a new file, mode 0600 under this process's mask
    return Path(name)


def mark_of(published: Path) -> str:
    """Size and time of `published`, by which a file that was written to, or replaced, is told. Raises OSError."""
    found = published.stat()
    return f"{found.st_size} {found.st_mtime_ns}"


def copy_published(published: Path, mark: str) -> Path | None:
    """A copy of `published` as it was when it had that `mark`, under a passing name, for a publication that changes it.

    None when it isn't that file any more. Raises OSError, and leaves no part of a copy then.
    """
    if not published.is_file() or mark_of(published) != mark:
        return None
    copy = new_publication(published)
    try:
        copy.touch(0o600, exist_ok=False)
        _copy(published, copy)
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    return copy


def _copy(file: Path, copy: Path) -> None:
    """Shares the file's blocks where the file system can (XFS, Btrfs), which takes neither time nor room; else copies them."""
    # Linux alone has it, and not on every file system.
    with suppress(AttributeError, OSError), file.open("rb") as source, copy.open("wb") as target:
        left = os.fstat(source.fileno()).st_size
        while left and (done := os.copy_file_range(source.fileno(), target.fileno(), left)):
            left -= done
        if not left:
            return
    shutil.copyfile(file, copy)


def make_views(file: Path, statements: Sequence[str]) -> None:
    """Make the views in a publication whose tables are there, each after those that it reads.

    A view of a shop's own, or of its staging, that reads the shop's tables finds none, and is not made. Raises PromoError (exit
    code 1) when one of a later layer can't be made: nobody would miss it before they ask for it.
    """
    with encryption.connect(file) as connection:
        waiting = list(statements)
        while waiting:
            refused = [statement for statement in waiting if not _is_made(connection, statement)]
            if len(refused) == len(waiting):
                return _refuse_lost(refused)
            waiting = refused


def _refuse_lost(statements: Sequence[str]) -> None:
    for statement in statements:
        name = statement.removeprefix("CREATE VIEW ").split(" ", 1)[0]
        if name.startswith(("features.", "scores.", "promotions.", "audits.")):
            raise PromoError(f"the view {name} reads what is not published: the shop's own tables, or private", DATA_FAULT)


def _is_made(connection: duckdb.DuckDBPyConnection, statement: str) -> bool:
    try:
        connection.execute(statement)
    except (duckdb.CatalogException, duckdb.BinderException):
        return False
    return True


def put_in_place(copy: Path, published: Path, people: Path | None = None) -> None:
    """`copy` becomes `published` in one step, on disk for good; what was published is kept as the newest previous one.

    `people`, the file of its people under a passing name, has its own name before that. Raises OSError; `published` is then
    the old file or the new one, never none.
    """
    for file in filter(None, (people, copy)):
        log = file.with_name(f"{file.name}.wal")
        if log.exists() and log.stat().st_size:
            raise OSError(f"{file} is not checkpointed")
        log.unlink(missing_ok=True)
        file.chmod(0o600)
        sync_to_disk(file)
    with publishing(published):
        if people is not None and (named := people_of(copy, published)):
            people.replace(named)
            sync_to_disk(named.parent)
        if published.is_file():
            _keep(published)
        _replace(published, copy)
        for old in previous_publications(published)[kept_publications() :]:
            old.unlink(missing_ok=True)
        forget_unneeded_people(published, [published, *previous_publications(published)])


def check_encryption(database: Path) -> None:
    """Before dbt is asked: raises PromoError (exit code 3) when the setting is on and `database` can't be written encrypted,
    or a file published from it is in plain; whoever has the database open is waited for later.
    """
    if not encryption.is_on():
        return
    published = published_path(database)
    for file in publications(published):
        encryption.connect(file, read_only=True).close()
    with suppress(duckdb.IOException):
        encryption.connect(database).close()


def previous_publications(published: Path) -> list[Path]:
    """What was published before, newest first."""
    current = published.stat().st_ino if published.is_file() else None
    # A publication that died had given the file its second name, and not yet replaced it.
    return [path for _, path in _numbered(published) if path.stat().st_ino != current]


def publications(published: Path) -> list[Path]:
    """Every file of `published` and what it replaced, the second name of one whose publication died included."""
    return [*([published] if published.is_file() else []), *(path for _, path in _numbered(published))]


def roll_back(published: Path) -> Path:
    """The newest previous publication takes the place of `published`, which goes; returns the name it was kept under.

    Raises PromoError (exit code 1) when there is none.
    """
    newest_previous(published)  # before the lock, which is on a folder that may not be there
    with publishing(published):
        newest = newest_previous(published)
        _replace(published, newest)
        sync_to_disk(newest.parent)
        forget_unneeded_people(published, [published, *previous_publications(published)])
        return newest


def newest_previous(published: Path) -> Path:
    """What was published before `published`. Raises PromoError (exit code 1) when there is none."""
    kept = previous_publications(published)
    if not kept:
        raise PromoError(f"there is no earlier publication beside {published}; promo build publishes", DATA_FAULT)
    return kept[0]


def kept_publications() -> int:
    """How many earlier publications to keep; raises PromoError (exit code 3) when OFFERHOUSE_KEPT is no number."""
    told = os.environ.get("OFFERHOUSE_KEPT") or str(DEFAULT_KEPT)
    if not told.isdecimal():
        raise PromoError(f"OFFERHOUSE_KEPT={told} is no number; write e.g. OFFERHOUSE_KEPT={DEFAULT_KEPT}", ENVIRONMENT_FAULT)
    return int(told)


def _previous(published: Path) -> Path:
    return published.parent / "previous"


def _numbered(published: Path) -> list[tuple[int, Path]]:
    """Second names of this database's publications, newest first; those without its name are of an earlier version."""
    ours = re.compile(rf"(?:{re.escape(published.stem)}\.)?(\d+)_\w+\.duckdb")
    files = _previous(published).iterdir() if _previous(published).is_dir() else ()
    return sorted(((int(found[1]), path) for path in files if (found := ours.fullmatch(path.name))), reverse=True)


def _keep(published: Path) -> None:
    """A second name for the published file, under which it stays when the next one takes the first name."""
    make_private_folder(_previous(published))
    before = 0
    for number, path in _numbered(published):
        if path.stat().st_ino == published.stat().st_ino:
            path.unlink()
        else:
            before = max(before, number)
    since = datetime.fromtimestamp(published.stat().st_mtime, UTC).strftime("%Y%m%dT%H%M%SZ")
    # by number, for a clock may be set back
    os.link(published, _previous(published) / f"{published.stem}.{before + 1:06d}_{since}.duckdb")
    sync_to_disk(_previous(published))


def _replace(published: Path, file: Path) -> None:
    """`file` takes the name `published`."""
    # What a client that opened the published database to write, against the advice, left of its log: it isn't the new file's.
    published.with_name(f"{published.name}.wal").unlink(missing_ok=True)
    file.replace(published)
    sync_to_disk(published.parent)


@contextmanager
def publishing(published: Path) -> Iterator[None]:
    """One at a time: publications and rollbacks of one folder wait for each other, which takes moments."""
    descriptor = os.open(published.parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
