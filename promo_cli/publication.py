"""The published database: a file that analysts and exports read while builds go on, replaced by one rename.

    <folder of the working database>/published/<its name>      what is published
    …/published/previous/<number>_<published at>.duckdb         what was published before

A file under a passing name (`.unpublished-…`) is being written, or was when its process died; nobody reads it, and the next
publication removes it.
"""

import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from promo_cli import encryption
from promo_cli.errors import DATA_FAULT, ENVIRONMENT_FAULT, PromoError
from promo_cli.paths import make_private_folder, published_path
from promo_cli.private_files import sync_to_disk

DEFAULT_KEPT = 2
"""How many earlier publications are kept; OFFERHOUSE_KEPT says otherwise."""

_UNFINISHED = ".unpublished-"


def copy_database(working: Path, published: Path) -> Path:
    """A copy of the file `working`, mode 0600, in the folder of `published` under a passing name.

    The database has to be checkpointed and at rest. Another process copies: a lock on a file is lost as soon as its process
    closes any handle of that file. What earlier copies left behind goes first. Raises OSError when the copy can't be made,
    e.g. for want of space; none is left then.
    """
    make_private_folder(published.parent)
    for left in published.parent.glob(f"{_UNFINISHED}*"):
        left.unlink(missing_ok=True)
    descriptor, name = tempfile.mkstemp(dir=published.parent, prefix=_UNFINISHED, suffix=".duckdb")
    os.close(descriptor)
    copy = "import shutil, sys\ntry: shutil.copyfile(*sys.argv[1:])\nexcept OSError as error: sys.exit(error.strerror)"
    done = subprocess.run(
        [sys.executable, "-ISc", copy, str(working), name], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        Path(name).unlink(missing_ok=True)
        raise OSError(f"can't copy the database to {published.parent}: {done.stderr.strip().lower() or 'the copying was ended'}")
    return Path(name)


def put_in_place(copy: Path, published: Path) -> None:
    """`copy` becomes `published` in one step, on disk for good; what was published is kept as the newest previous one.

    Raises OSError; `published` is then the old file or the new one, never none.
    """
    log = copy.with_name(f"{copy.name}.wal")
    if log.exists() and log.stat().st_size:
        raise OSError(f"{copy} is not checkpointed")
    log.unlink(missing_ok=True)
    sync_to_disk(copy)
    with _publishing(published):
        if published.is_file():
            _keep(published)
        _replace(published, copy)
        for old in previous_publications(published)[kept_publications() :]:
            old.unlink(missing_ok=True)


def previous_publications(published: Path) -> list[Path]:
    """What was published before, newest first."""
    current = published.stat().st_ino if published.is_file() else None
    # A publication that died had given the file its second name, and not yet replaced it.
    kept = [path for path in _previous(published).glob("[0-9]*_*.duckdb") if path.stat().st_ino != current]
    return sorted(kept, reverse=True)


def roll_back(published: Path) -> Path:
    """The newest previous publication takes the place of `published`, which goes; returns the name it was kept under.

    Raises PromoError (exit code 1) when there is none.
    """
    make_private_folder(published.parent)
    with _publishing(published):
        kept = previous_publications(published)
        if not kept:
            raise PromoError(f"there is no earlier publication beside {published}; promo build publishes", DATA_FAULT)
        _replace(published, kept[0])
        sync_to_disk(kept[0].parent)
        return kept[0]


def check_writable(database: Path) -> None:
    """Before dbt is asked: raises PromoError (exit code 3) when encryption is on and `database` can't be written encrypted, or a
    file published from it is in plain; whoever has the database open is waited for later.
    """
    import duckdb

    if not encryption.is_on():
        return
    published = published_path(database)
    for file in (*([published] if published.is_file() else ()), *previous_publications(published)):
        encryption.connect(file, read_only=True).close()
    with suppress(duckdb.IOException):  # another has it open
        encryption.connect(database).close()


def kept_publications() -> int:
    """How many earlier publications to keep; raises PromoError (exit code 3) when OFFERHOUSE_KEPT is no number."""
    told = os.environ.get("OFFERHOUSE_KEPT") or str(DEFAULT_KEPT)
    if not told.isdecimal():
        raise PromoError(f"OFFERHOUSE_KEPT={told} is no number; write e.g. OFFERHOUSE_KEPT={DEFAULT_KEPT}", ENVIRONMENT_FAULT)
    return int(told)


def _previous(published: Path) -> Path:
    return published.parent / "previous"


def _keep(published: Path) -> None:
    """A second name for the published file, under which it stays when the next one takes the first name."""
    make_private_folder(_previous(published))
    for path in _previous(published).glob("[0-9]*_*.duckdb"):
        if path.stat().st_ino == published.stat().st_ino:
            path.unlink()
    before = previous_publications(published)
    number = int(before[0].name.partition("_")[0]) + 1 if before else 1  # a clock may be set back
    since = datetime.fromtimestamp(published.stat().st_mtime, UTC).strftime("%Y%m%dT%H%M%SZ")
    os.link(published, _previous(published) / f"{number:06d}_{since}.duckdb")
    sync_to_disk(_previous(published))


def _replace(published: Path, file: Path) -> None:
    """`file` takes the name `published`."""
    # What a client that opened the published database to write, against the advice, left of its log: it isn't the new file's.
    published.with_name(f"{published.name}.wal").unlink(missing_ok=True)
    file.replace(published)
    sync_to_disk(published.parent)


@contextmanager
def _publishing(published: Path) -> Iterator[None]:
    """One at a time: publications and rollbacks of one folder wait for each other, which takes moments."""
    descriptor = os.open(published.parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
