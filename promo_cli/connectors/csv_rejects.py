"""CSV lines DuckDB could not parse: from its reject tables to shop.load_rejects."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from promo_cli.connectors.csv_header import not_in_encoding


def forget_rejects(connection: duckdb.DuckDBPyConnection) -> None:
    """Drops the rejects of earlier scans; DuckDB collects those of the next ones afresh."""
    connection.execute("drop table if exists temp.reject_errors")
    connection.execute("drop table if exists temp.reject_scans")


def keep_rejects(connection: duckdb.DuckDBPyConnection, table: str, encoding: str, files: Iterable[Path] | None = None) -> int:
    """Copies the rejects of `table`'s scan, one row a line, to shop.load_rejects; returns their count.

    `files`: those of these files alone, where several tables were scanned since `forget_rejects`.

    Line 1 is the header; a record with line breaks inside quotes counts as one line, so a quote that is never closed
    makes one line of all it swallows. Lines are kept to 10,000 characters.

    Raises PromoError when a file is not in `encoding`: half a file without its accented rows helps nobody.
    """
    foreign = connection.execute(
        """
        select file_path
        from temp.reject_errors
        inner join temp.reject_scans using (scan_id, file_id)
        where error_type = 'INVALID ENCODING'
        limit 1
        """
    ).fetchone()
    if foreign:
        raise not_in_encoding(Path(foreign[0]), encoding)
    ((kept,),) = connection.execute(
        """
        insert into shop.load_rejects
        select
            $table_name,
            parse_filename(scans.file_path),
            errors.line,
            replace(cast(errors.error_type as varchar), ' ', '_'),
            left(ltrim(errors.csv_line, chr(10) || chr(13)), 10000)
        from temp.reject_errors as errors
        inner join temp.reject_scans as scans using (scan_id, file_id)
        where $files is null or list_contains($files, scans.file_path)
        qualify row_number() over (partition by scans.file_path, errors.line order by errors.column_idx) = 1
        order by scans.file_path, errors.line
        """,
        {"table_name": table, "files": None if files is None else [str(file) for file in files]},
    ).fetchall()
    return int(kept)
