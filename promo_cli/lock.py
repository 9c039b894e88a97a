"""One training at a time in a folder: a lock file that tells who holds it and since when."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from promo_cli.errors import ENVIRONMENT_FAULT, PromoError


@contextmanager
def training_lock(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, which says the process and the second it was taken; it goes at the end.

    The lock ends with its process, however that ends, so a file that a killed run left behind stands in nobody's way.
    Raises PromoError (exit code 3) when another process holds it, naming that process and the lock's age; OSError when the
    file can't be made.
    """
    descriptor = _taken(path)
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps({"pid": os.getpid(), "since": int(time.time())}).encode())
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _taken(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0)
            os.close(descriptor)
            raise PromoError(_held(path, holder), ENVIRONMENT_FAULT) from None
        # Its holder may have removed the file between our opening and our locking it; then it is nobody's lock.
        try:
            if os.stat(path).st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)


def _held(path: Path, holder: bytes) -> str:
    try:
        told = json.loads(holder)
        minutes = max(0, int(time.time()) - int(told["since"])) // 60
        who = f"process {int(told['pid'])}, for {minutes} min"
    except (ValueError, KeyError, TypeError):
        who = "another process"
    return f"another promo train is at work in {path.parent} ({who}); wait for it or end it"
