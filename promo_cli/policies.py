"""The policies (seeds) before a build: a broken cell is told with its file and line, which dbt would not do."""

import csv
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import yaml

from promo_cli.errors import PromoError, shape
from promo_cli.paths import dbt_project_path


def check_policies(folder: Path | None = None) -> None:
    """Reads every seed as its YAML types it. Raises PromoError (exit code 1) naming file, line and column of the first fault."""
    folder = folder or dbt_project_path() / "seeds"
    for described in sorted(folder.glob("*.yml")):
        for seed in yaml.safe_load(described.read_text(encoding="utf-8")).get("seeds", []):
            _check_seed(folder / f"{seed['name']}.csv", seed["config"]["column_types"])


def _check_seed(path: Path, types: dict[str, str]) -> None:
    rows = _rows(path)
    _, header = next(rows, (1, []))
    if header != list(types):
        raise PromoError(f"{path}, line 1: the columns are {', '.join(header) or 'none'}; they must be {', '.join(types)}")
    for line, row in rows:
        if len(row) != len(types):
            raise PromoError(f"{path}, line {line}: {len(row)} cells for {len(types)} columns; check its commas and quotes")
        for (column, data_type), cell in zip(types.items(), row, strict=True):
            reads, wanted = _READS[data_type.split("(")[0]]
            if cell.strip() and not reads(cell.strip()):
                raise PromoError(f"{path}, line {line}: {column} is {shape(cell[:40])}; write {wanted}")


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number of its last line, and cells, of each row that isn't empty."""
    reader = None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            for row in reader:
                if any("\0" in cell for cell in row):
                    raise PromoError(f"{path}, line {reader.line_num}: a NUL character; take it out")
                if row:
                    yield reader.line_num, row
    except csv.Error as error:
        line = reader.line_num if reader else 1
        raise PromoError(f"{path}, line {line}: its quotes can't be read ({error}); write a quote inside a cell twice") from error
    except UnicodeDecodeError as error:
        raise PromoError(f"{path} is not UTF-8 text; save it as CSV (UTF-8)") from error


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,2})?", cell, re.ASCII) is not None


def _is_whole(cell: str) -> bool:
    return re.fullmatch(r"[+-]?\d{1,10}", cell, re.ASCII) is not None and abs(int(cell)) < 2**31


def _is_day(cell: str) -> bool:
    try:
        date.fromisoformat(cell)
    except ValueError:
        return False
    return True


_READS: dict[str, tuple[Callable[[str], bool], str]] = {
    "string": (lambda cell: True, "text"),
    "double": (_is_number, "a number such as 1234.5"),
    "decimal": (_is_number, "a number such as 1234.50"),
    "integer": (_is_whole, "a whole number such as 3"),
    "boolean": (lambda cell: cell.lower() in ("true", "false"), "true or false"),
    "date": (_is_day, "a day such as 2024-05-31"),
    "timestamp": (lambda cell: True, "a moment such as 2024-05-31 18:30:00"),
}
