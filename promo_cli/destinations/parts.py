"""A CSV in as many files as its destination's limit asks for."""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from promo_cli.errors import PromoError


@dataclass
class Part:
    """A file of whole rows under the header, and what a manifest tells of it."""

    file: IO[bytes]
    hasher: Any
    rows: int = 0
    size: int = 0

    def write(self, content: bytes) -> None:
        """Adds bytes to the file, its size and its hash."""
        self.file.write(content)
        self.hasher.update(content)
        self.size += len(content)


def write_parts(header: bytes, lines: Iterable[bytes], largest: int, new_file: Callable[[], IO[bytes]]) -> list[Part]:
    """The lines in files of at most `largest` bytes (0: one file), each with the header.

    Raises PromoError (exit code 1) when one line alone is larger; OSError when the disk is full.
    """
    parts = [_begin(header, new_file)]
    for line in lines:
        if largest and parts[-1].size + len(line) > largest:
            if len(header) + len(line) > largest:
                raise PromoError(f"a row is larger than the {largest:,} bytes a file may have; shorten the texts of its offers")
            parts.append(_begin(header, new_file))
        parts[-1].write(line)
        parts[-1].rows += 1
    return parts


def part_names(stem: str, parts: int) -> list[str]:
    """`<stem>.csv`, or `<stem>.001.csv` and so on where there are more."""
    return [f"{stem}.csv"] if parts == 1 else [f"{stem}.{number:03}.csv" for number in range(1, parts + 1)]


def outdated_parts(folder: Path, stem: str, names: list[str]) -> list[Path]:
    """Files of an earlier export of the same name that the new one won't replace: who has left would still be in them."""
    ours = re.compile(rf"{re.escape(stem)}([.][0-9]{{3,}})?[.]csv([.]age)?")
    return sorted(path for path in folder.iterdir() if ours.fullmatch(path.name) and path.name not in names)


def _begin(header: bytes, new_file: Callable[[], IO[bytes]]) -> Part:
    part = Part(new_file(), hashlib.sha256())
    part.write(header)
    return part
