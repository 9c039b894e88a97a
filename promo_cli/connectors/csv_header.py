"""Header and delimiter of a CSV file. The file itself is read by DuckDB."""

import csv
import gzip
import zlib
from pathlib import Path
from typing import IO

from promo_cli.connectors.near_match import did_you_mean
from promo_cli.errors import USAGE_FAULT, PromoError

DELIMITERS = (",", ";", "\t", "|")
ENCODINGS = {"utf-8": "utf-8-sig", "latin-1": "latin-1", "utf-16": "utf-16"}
LONGEST_HEADER = 1_000_000  # characters
LARGEST_UNPACKED, LARGEST_RATIO = 1_000_000_000, 100
"""A .gz may unpack to the larger of so many bytes and so many times its own size: real tables shrink 5 to 20 times."""
_DEFLATE_RATIO = 1_040  # nothing that gzip writes shrinks more


def check_encoding(encoding: str) -> None:
    """Raises PromoError for an encoding DuckDB can't read."""
    if encoding not in ENCODINGS:
        raise PromoError(
            f"--encoding {encoding} is not known{did_you_mean(encoding, ENCODINGS)}; give one of {', '.join(ENCODINGS)}",
            USAGE_FAULT,
        )


def not_in_encoding(path: Path, encoding: str) -> PromoError:
    """The error of a file that isn't written in `encoding`."""
    if encoding == "utf-8":
        return PromoError(
            f"{path} is not UTF-8 text; run again with --encoding latin-1, or convert it, "
            f"e.g. iconv -f WINDOWS-1252 -t UTF-8 {path.name}"
        )
    return PromoError(f"{path} is not {encoding} text; convert it to UTF-8, e.g. iconv -f WINDOWS-1252 -t UTF-8 {path.name}")


def refuse_bomb(path: Path) -> None:
    """Raises PromoError for a .gz that unpacks to more than a table would, OSError when it can't be read."""
    size = path.stat().st_size
    most = max(LARGEST_UNPACKED, LARGEST_RATIO * size)
    if size * _DEFLATE_RATIO <= most:
        return
    unpacked = 0
    try:
        with gzip.open(path, "rb") as stream:
            while (piece := len(stream.read(1 << 20))) and unpacked <= most:
                unpacked += piece
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _no_whole_gzip(path, error) from error
    if unpacked > most:
        raise PromoError(f"{path} unpacks to over {most:,} bytes from {size:,}, as no table does; if it is one, unpack it first")


def _no_whole_gzip(path: Path, error: Exception) -> PromoError:
    return PromoError(f"{path} is no whole gzip file ({error}); write it again")


def read_header(path: Path, encoding: str) -> tuple[list[str], str]:
    """Column names as written, and the delimiter: of comma, semicolon, tab and bar, the one that parts the header most.

    Raises PromoError when the file is empty or no text in `encoding`, and OSError when it can't be opened.
    """
    try:
        with _opened(path, encoding) as stream:
            first = stream.readline(LONGEST_HEADER)
            if len(first) == LONGEST_HEADER:
                raise PromoError(f"{path} has a first line of over {LONGEST_HEADER:,} characters; write the column names there")
            if "\0" in first or first.startswith("PK\x03\x04"):
                raise PromoError(f"{path} is not a text file; save it as CSV (UTF-8)")
            if not first.strip():
                raise PromoError(f"{path} has no header in its first line; write the column names there")
            delimiter = max(DELIMITERS, key=lambda candidate: len(next(csv.reader([first], delimiter=candidate))))
            # strict: of a header that goes on in its second line, inside quotes, DuckDB would make a file without rows
            return next(csv.reader([first], delimiter=delimiter, strict=True)), delimiter
    except UnicodeError as error:
        raise not_in_encoding(path, encoding) from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _no_whole_gzip(path, error) from error
    except csv.Error as error:
        raise PromoError(f"{path} has a header that can't be read ({error}); write the column names in the first line") from error


def _opened(path: Path, encoding: str) -> IO[str]:
    if path.name.lower().endswith(".gz"):
        return gzip.open(path, "rt", encoding=ENCODINGS[encoding], newline="")
    return path.open(encoding=ENCODINGS[encoding], newline="")
