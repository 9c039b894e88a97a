"""A folder to be hostile in: what a case may not touch, and what it may say."""

import hashlib
import re
from pathlib import Path

from promo_cli.errors import as_promo_error

CODES = frozenset({1, 2, 3, 4})
LONGEST_LINE = 4_000


def told(error: Exception) -> str:
    """The one line and the exit code that `promo` would leave with; AssertionError where it would say something unfit."""
    line = as_promo_error(error)
    assert line.exit_code in CODES, f"exit code {line.exit_code} is not documented"
    check_line(line.message)
    return f"refused ({line.exit_code})"


def check_line(line: str) -> None:
    """One line for people, of this project's own making."""
    assert line.strip(), "an error without words"
    assert not line.startswith("unexpected "), line
    assert "INTERNAL" not in line, line
    assert line.isprintable(), f"control characters on people's terminals: {line!r}"
    assert len(line) <= LONGEST_LINE, f"a line of {len(line):,} characters"
    assert "Traceback" not in line, line


def footprint(folder: Path, apart_from: Path | None = None) -> dict[str, str]:
    """Every entry below `folder` with its kind, mode and content's hash; without those below `apart_from`."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if apart_from is not None and path.is_relative_to(apart_from):
            continue
        kind = "link" if path.is_symlink() else "folder" if path.is_dir() else "file"
        content = str(path.readlink()) if kind == "link" else ""
        if kind == "file":
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path.relative_to(folder))] = f"{kind} {path.lstat().st_mode:o} {content}"
    return found


def plain_file_name(name: str) -> bool:
    """A name that no shell, spreadsheet or file system reads as anything else."""
    return re.fullmatch(r"[A-Za-z0-9_%~][A-Za-z0-9._%~-]*", name) is not None
