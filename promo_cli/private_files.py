"""Files with personal data: safe names, readable by their owner alone, there whole or not at all."""

import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import IO

from promo_cli.errors import ENVIRONMENT_FAULT, USAGE_FAULT, PromoError
from promo_cli.paths import make_private_folder

_PREFIX, _SUFFIX = ".promo-", ".part"

LONGEST_NAME = 120
"""Characters of a campaign in a file name; the longest that common file systems take is 255 bytes with all endings."""


def file_stem(campaign_id: str, as_of_date: date) -> str:
    """`<campaign>_<as-of date>`, one plain file name whatever the campaign is called.

    Everything but A-Z a-z 0-9 . _ - is percent-encoded (UTF-8), as is a . or - at the start, which would make a hidden
    file or an option. What is longer than LONGEST_NAME is cut and ends in ~ and 12 hex digits of the id's SHA-256. Two
    campaigns never share a name.
    """
    name = re.sub(r"^[.-]|[^A-Za-z0-9._-]", _percent_encoded, campaign_id)
    if len(name) > LONGEST_NAME:
        name = f"{name[:LONGEST_NAME]}~{hashlib.sha256(campaign_id.encode()).hexdigest()[:12]}"
    return f"{name}_{as_of_date.isoformat()}"


def _percent_encoded(character: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in character[0].encode())


def prepare_folder(folder: Path) -> None:
    """Makes `folder` (mode 0700) unless it is there; one that exists keeps its rights.

    Raises PromoError (exit code 3) when it is a symbolic link, no folder, or can't be made.
    """
    if folder.is_symlink():
        raise PromoError(f"{folder} is a symbolic link; name the folder itself with --output", ENVIRONMENT_FAULT)
    try:
        make_private_folder(folder)
    except OSError as error:
        raise _not_writable(folder, error) from error


def refuse_odd_target(target: Path) -> None:
    """Raises PromoError (exit code 3) when something other than an ordinary file bears the name `target`."""
    if target.is_symlink() or (target.exists() and not target.is_file()):
        raise PromoError(
            f"{target} is a symbolic link or no ordinary file; move it away or choose another --output",
            ENVIRONMENT_FAULT,
        )


def refuse_foreign(target: Path, is_own: Callable[[bytes], bool], otherwise: str) -> None:
    """Raises PromoError when `target` is there and not to be replaced, or something odd (exit codes 2 and 3).

    An empty file may be replaced, and one whose first 1,000 bytes `is_own` knows; `otherwise` says what is wrong with any other.
    """
    refuse_odd_target(target)
    if not target.exists():
        return
    with target.open("rb") as file:
        beginning = file.read(1000)
    if beginning and not is_own(beginning):
        raise PromoError(f"{target} is there and {otherwise}; name another file with --output, or move it away", USAGE_FAULT)


@contextmanager
def unfinished_file(folder: Path) -> Iterator[IO[bytes]]:
    """A new file in `folder`, mode 0600, under a passing name; gone at the end unless `put_in_place` has named it.

    Raises PromoError (exit code 3) when it can't be made.
    """
    try:
        remove_abandoned(folder)
        file = _new_locked_file(folder)
    except OSError as error:
        raise _not_writable(folder, error) from error
    try:
        with file:
            yield file
    finally:
        Path(file.name).unlink(missing_ok=True)


def _new_locked_file(folder: Path) -> IO[bytes]:
    """Its lock ends with this process, however that ends; what another process took for abandoned before that is made again."""
    while True:
        file = tempfile.NamedTemporaryFile(dir=folder, prefix=_PREFIX, suffix=_SUFFIX, delete=False)  # noqa: SIM115
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if Path(file.name).exists():
                return file
        file.close()
        Path(file.name).unlink(missing_ok=True)


def remove_abandoned(folder: Path) -> None:
    """Unfinished files go whose process was killed; another export's are locked by it."""
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def put_in_place(files: dict[Path, IO[bytes]], outdated: Iterable[Path] = ()) -> None:
    """Gives finished files their names, in order, replacing what bore them; all are on disk before the first is named.

    The `outdated`, parts of an earlier export that the new one has no more, go just before the last file is named. Files stay
    open: closed, one would pass for abandoned before it has its name. Raises OSError when the disk is full or a file can't be
    renamed.
    """
    for file in files.values():
        file.flush()
        os.fsync(file.fileno())
    *parts, last = files.items()
    for target, file in parts:
        Path(file.name).replace(target)
    for path in outdated:
        path.unlink(missing_ok=True)
    target, file = last
    Path(file.name).replace(target)
    for folder in {target.parent for target in files}:
        sync_to_disk(folder)


def sync_to_disk(path: Path) -> None:
    """A file's content, or a folder's entries, are on disk for good. Raises OSError."""
    if os.name != "posix" and path.is_dir():  # elsewhere a folder can't be opened, and its entries need no fsync
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _not_writable(folder: Path, error: OSError) -> PromoError:
    reason = (error.strerror or str(error)).lower()
    return PromoError(f"can't write to {folder}: {reason}; choose another folder with --output", ENVIRONMENT_FAULT)
