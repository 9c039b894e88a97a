"""The most of something while a command runs: what a process and its children hold in memory, what a folder holds on disk."""

import os
import resource
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class Peak(threading.Thread):
    """The most that `look` gives, asked 20 times a second from now to `stop()`."""

    def __init__(self, look: Callable[[], float]) -> None:
        super().__init__(daemon=True)
        self._look, self._most, self._over = look, 0.0, threading.Event()
        self.start()

    def run(self) -> None:
        """Look until `stop`."""
        while not self._over.wait(0.05):
            self._most = max(self._most, self._look())

    def stop(self) -> float:
        """Ends looking; the most there was."""
        self._over.set()
        self.join()
        return self._most


def resident_bytes(process: int) -> float:
    """Resident memory of a process and all below it; pages that they share count once for each (Linux)."""
    return sum(map(_own_resident_bytes, _family(process)))


def bytes_in(folder: Path) -> float:
    """Size of the files in a folder, none when it isn't there."""
    total = 0.0
    for parent, _, names in os.walk(folder):  # which passes over folders that are removed meanwhile
        for name in names:
            with suppress(OSError):
                total += os.stat(os.path.join(parent, name)).st_size
    return total


def _family(process: int) -> list[int]:
    found = [process]
    for parent in found:  # grows while it is read
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += map(int, children.read_text().split())
            except OSError:
                continue  # it ended meanwhile
    return found


def _own_resident_bytes(process: int) -> float:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * resource.getpagesize()
