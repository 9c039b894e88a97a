"""What is made once and serves the tests of all workers."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def made_once(folder: Path) -> Iterator[bool]:
    """Whether `folder` is still to be filled, by whichever worker comes first; the others wait until it is."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not (folder / "done").exists()
        (folder / "done").touch()
