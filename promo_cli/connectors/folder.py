"""Which files of a folder hold which table of the contract."""

import re
from collections.abc import Iterable
from pathlib import Path

from promo_cli.connectors.near_match import did_you_mean, listed
from promo_cli.errors import PromoError

SUFFIXES = (".csv.gz", ".csv", ".parquet")


def find_table_files(folder: Path, tables: Iterable[str]) -> tuple[dict[str, list[Path]], list[str]]:
    """Files by table, in the order of `tables`, and a note on each entry that was left aside.

    A table is TABLE.csv, TABLE.csv.gz or TABLE.parquet, numbered parts of it (TABLE_2024-01.csv), or a folder TABLE/ of
    parts; never both CSV and Parquet. Names are read without regard to case; hidden entries are passed over.

    Raises PromoError when `folder` is no folder, holds no table, or a table stands in it in two ways; OSError when it
    can't be read.
    """
    tables = list(tables)
    if not folder.exists():
        raise PromoError(f"there is no folder {folder}; give the folder that holds products.csv, order_lines.csv, …")
    if not folder.is_dir():
        raise PromoError(f"{folder} is a file; give the folder that holds it: {folder.parent}")

    found: dict[str, list[Path]] = {table: [] for table in tables}
    notes = []
    for entry in _visible(folder):
        table = _table_of(entry, tables)
        if table is None:
            notes.append(f"{entry.name} is left aside: {_why_aside(entry, tables)}")
        elif entry.is_dir():
            found[table] += _parts(entry)
        else:
            found[table].append(entry)

    files = {table: paths for table, paths in found.items() if paths}
    if not files:
        there = listed((entry.name + did_you_mean(_stem(entry.name), tables) for entry in _visible(folder)), most=10)
        raise PromoError(
            f"{folder} holds no table of the contract; expected products.csv, order_lines.csv, … ({listed(tables)}); "
            f"found: {there or 'nothing'}"
        )
    for table, paths in files.items():
        _refuse_two_ways(table, paths)
    return files, notes


def _visible(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith((".", "_")))


def _suffix(name: str) -> str | None:
    return next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), None)


def _stem(name: str) -> str:
    suffix = _suffix(name)
    return name[: -len(suffix)].lower() if suffix else name.split(".")[0].lower()


def _table_of(entry: Path, tables: list[str]) -> str | None:
    """The table an entry holds; raises PromoError for a folder that is named like a file."""
    if entry.is_dir():
        if _suffix(entry.name) and _stem(entry.name) in tables:
            raise PromoError(f"{entry} is a folder, not a file; rename it to {_stem(entry.name)} to load the parts in it")
        return entry.name.lower() if entry.name.lower() in tables else None
    if _suffix(entry.name) is None:
        return None
    name = re.sub(r"[_-][0-9][0-9_-]*$", "", _stem(entry.name))
    return name if name in tables else None


def _why_aside(entry: Path, tables: list[str]) -> str:
    stem = _stem(entry.name)
    if entry.is_file() and _suffix(entry.name) is None and stem in tables:
        return f"save it as {stem}.csv or {stem}.parquet"
    return f"no table of the contract has that name{did_you_mean(stem, tables)}"


def _parts(folder: Path) -> list[Path]:
    parts = [entry for entry in _visible(folder) if _suffix(entry.name)]
    if not parts:
        raise PromoError(f"{folder} holds no .csv, .csv.gz or .parquet file; put the parts of the table into it")
    inner = next((part for part in parts if part.is_dir()), None)
    if inner:
        raise PromoError(f"{inner} is a folder, not a file; put the parts of the table straight into {folder}")
    return parts


def _refuse_two_ways(table: str, paths: list[Path]) -> None:
    """CSV beside Parquet is most likely the same rows twice, and so is TABLE.csv beside TABLE.csv.gz."""
    if len({path.suffix.lower() == ".parquet" for path in paths}) > 1:
        raise PromoError(
            f"{table} stands in CSV and in Parquet files ({listed((path.name for path in paths), 6)}); keep one kind"
        )
    if len({(path.parent, _stem(path.name)) for path in paths}) < len(paths):
        raise PromoError(f"{table} stands in one file twice ({listed((path.name for path in paths), 6)}); keep one")
