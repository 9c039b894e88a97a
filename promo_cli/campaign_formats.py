"""The files a campaign's audience can be written to.

A format is a select list over the audience and a writer of what it yields: SQL does the shaping, and rows go from
DuckDB to the file as Arrow batches. What an advertising or mailing tool takes is in promo_cli/destinations.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import IO, Any

from promo_cli.campaign_columns import COLUMNS

_ROW_GROUP = 65_536
_FORMULA_STARTS = "=+-@\t\r\n"


class FileFormat(StrEnum):
    """Formats by the name people type, which is also the ending of the file's name."""

    CSV = "csv"
    PARQUET = "parquet"
    JSONL = "jsonl"


@dataclass(frozen=True)
class Format:
    """`select`: the SQL select list. `write`: takes a RecordBatchReader of it and a file, returns the rows written."""

    select: str
    write: Callable[[Any, IO[bytes]], int]


def _write_csv(reader: Any, file: IO[bytes]) -> int:
    """RFC 4180 but for the line ends, which are LF; UTF-8; a null is an empty cell, an empty text "" in quotes."""
    from pyarrow import csv

    rows = 0
    file.write(",".join(reader.schema.names).encode() + b"\n")
    with csv.CSVWriter(file, reader.schema, write_options=csv.WriteOptions(include_header=False)) as writer:
        for batch in reader:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def _write_parquet(reader: Any, file: IO[bytes]) -> int:
    from pyarrow import parquet

    rows = 0
    with parquet.ParquetWriter(file, reader.schema) as writer:
        for table in _row_groups(reader):
            writer.write_table(table)
            rows += table.num_rows
    return rows


def _row_groups(reader: Any) -> Iterator[Any]:
    """Tables of _ROW_GROUP rows: DuckDB's batches vary with its threads, and so would the file's bytes."""
    import pyarrow

    waiting = reader.schema.empty_table()
    for batch in reader:
        waiting = pyarrow.concat_tables([waiting, pyarrow.Table.from_batches([batch])])
        while waiting.num_rows >= _ROW_GROUP:
            yield waiting.slice(0, _ROW_GROUP).combine_chunks()
            waiting = waiting.slice(_ROW_GROUP)
    if waiting.num_rows:
        yield waiting.combine_chunks()


def _write_lines(reader: Any, file: IO[bytes]) -> int:
    rows = 0
    for batch in reader:
        file.write("".join(f"{line}\n" for line in batch.column(0).to_pylist()).encode())
        rows += batch.num_rows
    return rows


def iso_time(name: str) -> str:
    """SQL expression: the UTC timestamp as ISO 8601 text."""
    return f"strftime({name}, '%Y-%m-%dT%H:%M:%SZ')"


def looks_like_a_formula(text: str) -> str:
    """SQL condition: a spreadsheet runs text that begins with = + - @ tab CR or LF as a formula."""
    return f"ascii({text}) in ({', '.join(str(ord(first)) for first in _FORMULA_STARTS)})"


def formula_safe(text: str) -> str:
    """SQL expression: `text`, with a quote before what looks like a formula, which makes it text."""
    return f"case when {looks_like_a_formula(text)} then '''' || {text} else {text} end"


def _csv_cell(name: str, kind: str) -> str:
    if kind == "varchar":
        return f"{formula_safe(name)} as {name}"
    return f"{iso_time(name)} as {name}" if kind == "timestamp" else name


def _json_field(name: str, kind: str) -> str:
    return f"{name}: {iso_time(name) if kind == 'timestamp' else name}"


FORMATS = {
    FileFormat.CSV: Format(", ".join(_csv_cell(*column) for column in COLUMNS.items()), _write_csv),
    FileFormat.PARQUET: Format(", ".join(COLUMNS), _write_parquet),
    FileFormat.JSONL: Format(
        f"cast(to_json({{{', '.join(_json_field(*column) for column in COLUMNS.items())}}}) as varchar) as line",
        _write_lines,
    ),
}
