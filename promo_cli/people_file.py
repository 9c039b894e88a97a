"""Who the users of a publication are: a file that exports alone open, beside the published database and of the same build.

    published/private/<name>.people-<build id>.duckdb    people (private.people), withdrawals (by the warehouse's key)
    published/private/<name>.withdrawals.parquet         promo_cli/withdrawals.py

It is there before its publication is, and goes when no publication of its build is kept.
"""

from __future__ import annotations

import glob
from pathlib import Path

import duckdb

from promo_cli.encryption import connect
from promo_cli.paths import make_private_folder

_SUFFIX = ".duckdb"
UNFINISHED = ".unpublished-"
"""So begin the names of files that are being written."""


def private_folder(published: Path) -> Path:
    """Where it lies, and what else tells who users are: for this user alone."""
    return published.parent / "private"


def private_file(published: Path, name: str) -> Path:
    """What is kept there under that name for `published`: other databases of its folder have theirs."""
    return private_folder(published) / f"{published.stem}.{name}"


def people_file(published: Path, build_id: str) -> Path:
    """The people of the build `build_id`."""
    return private_file(published, f"people-{build_id}{_SUFFIX}")


def people_of(publication: Path, published: Path) -> Path | None:
    """The people of the publication in the file `publication`, now published or before; None for no publication."""
    try:
        with connect(publication, read_only=True) as connection:
            return people_of_open(connection, published)
    except duckdb.Error:
        return None


def people_of_open(connection: duckdb.DuckDBPyConnection, published: Path) -> Path | None:
    """The people of the publication that `connection` reads, whatever bears the name `published` by now."""
    try:
        ((build_id,),) = connection.execute("select max(build_id) from audits.publication").fetchall()
    except duckdb.Error:
        return None
    return people_file(published, str(build_id))


def new_people_file(published: Path) -> Path:
    """A name for one that is being written; what a killed publication left goes first."""
    folder = private_folder(published)
    make_private_folder(folder)
    forget_unfinished(folder, published)
    return folder / f"{UNFINISHED}{published.name}-people.duckdb"


def forget_unfinished(folder: Path, published: Path) -> None:
    """Removes from `folder` what was left by killed publications of `published`, and erasures of it or its people."""
    for name in (published.name, f"{published.stem}.people-"):
        for left in folder.glob(f"{UNFINISHED}{glob.escape(name)}*"):
            left.unlink(missing_ok=True)


def forget_unneeded_people(published: Path, publications: list[Path]) -> None:
    """Removes the people of builds that none of `publications` is of; nothing when one of those can't be opened just now."""
    needed = set()
    for publication in publications:
        try:
            with connect(publication, read_only=True) as connection:
                needed.add(people_of_open(connection, published))
        except duckdb.Error:
            return
    for file in people_files(published):
        if file not in needed:
            file.unlink(missing_ok=True)


def people_files(published: Path) -> list[Path]:
    """Those of all builds, needed or not."""
    return sorted(private_folder(published).glob(f"{glob.escape(published.stem)}.people-*{_SUFFIX}"))
