"""Lock files: one at a time, told who holds it and since when.

A lock ends with its process, however that ends (flock), so a file that a killed run left behind stands in nobody's way, and no
other process that happens to bear its number keeps the lock alive.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from promo_cli.errors import ENVIRONMENT_FAULT, PromoError

_POLL_SECONDS = 0.2
# Looking at a lock (`lock_holder`) holds it for a moment, which is nobody's reason to give up.
_LEAST_WAIT_SECONDS = 0.5


@dataclass(frozen=True)
class Holder:
    """Who holds a lock: the process, its host, what it does, and the second it took the lock (Unix time)."""

    pid: int
    host: str
    command: str
    since: int

    def __str__(self) -> str:
        place = "" if self.host == socket.gethostname() else f" on {self.host}"
        return f"process {self.pid}{place}, for {self.minutes} min"

    @property
    def minutes(self) -> int:
        """Whole minutes since it took the lock; a clock that was set back counts as none."""
        return max(0, int(time.time()) - self.since) // 60


class FileLock:
    """The lock file `path`, held from `take` to `release` or the process's end."""

    def __init__(self, path: Path, command: str) -> None:
        self.path, self._command = path, command
        self._descriptor: int | None = None

    def take(self, wait_seconds: float = 0) -> Holder | None:
        """None when the lock is taken; who holds it when, after `wait_seconds`, it is not. Raises OSError: it can't be made."""
        deadline = time.monotonic() + max(wait_seconds, _LEAST_WAIT_SECONDS)
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = _holder(os.pread(descriptor, 1000, 0))
                os.close(descriptor)
                if time.monotonic() >= deadline:
                    return holder
                time.sleep(_POLL_SECONDS)
                continue
            if self._is_file(descriptor):
                break
            os.close(descriptor)  # its holder removed the file between our opening and our locking it
        told = {"pid": os.getpid(), "host": socket.gethostname(), "command": self._command, "since": int(time.time())}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(told).encode(), 0)
        self._descriptor = descriptor
        return None

    def release(self) -> None:
        """Give the lock back; nothing when it isn't held."""
        if self._descriptor is not None:
            self.path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def _is_file(self, descriptor: int) -> bool:
        try:
            return os.stat(self.path).st_ino == os.fstat(descriptor).st_ino
        except FileNotFoundError:
            return False


def lock_holder(path: Path) -> Holder | None:
    """Who holds the lock file `path`; None when nobody does, whatever a dead process left in it."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(os.pread(descriptor, 1000, 0))
    finally:
        os.close(descriptor)
    return None


def write_lock(database: Path, command: str) -> FileLock:
    """The lock of whoever writes the working database: it names the owner, which DuckDB's own lock does in part."""
    return FileLock(write_lock_path(database), command)


def write_lock_path(database: Path) -> Path:
    """The lock file of `database`."""
    return database.with_name(f".{database.name}.lock")


def being_written(database: Path, holder: Holder) -> str:
    """One line for who finds the lock taken."""
    return f"{database} is being written by another {holder.command} ({holder}); wait for it or end it"


@contextmanager
def writing(database: Path, command: str) -> Iterator[None]:
    """Hold the lock of whoever writes `database` in the block; raises PromoError (exit code 3) when another process has it."""
    with _held(write_lock(database.resolve(), command), lambda holder: being_written(database, holder)):
        yield


@contextmanager
def training_lock(path: Path) -> Iterator[None]:
    """Hold the lock file `path` in the block: one training at a time in a folder.

    Raises PromoError (exit code 3) when another process holds it, naming that process and the lock's age; OSError when the
    file can't be made.
    """
    with _held(
        FileLock(path, "promo train"),
        lambda holder: f"another promo train is at work in {path.parent} ({holder}); wait for it or end it",
    ):
        yield


def _holder(told: bytes) -> Holder:
    try:
        known = json.loads(told)
        return Holder(int(known["pid"]), str(known["host"]), str(known["command"]), int(known["since"]))
    except (ValueError, KeyError, TypeError):  # its file is still empty
        return Holder(0, socket.gethostname(), "another process", int(time.time()))


@contextmanager
def _held(lock: FileLock, refusal: Callable[[Holder], str]) -> Iterator[None]:
    holder = lock.take()
    if holder is not None:
        raise PromoError(refusal(holder), ENVIRONMENT_FAULT)
    try:
        yield
    finally:
        lock.release()
