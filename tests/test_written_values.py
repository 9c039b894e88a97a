"""What a shop writes as text, as staging reads it through dbt's own types, and `promo load` the same."""

from datetime import date, datetime

import duckdb
import pytest
from staging_sql import StagingBuild

from promo_cli.connectors.readability import staged_value

MOMENTS = {
    "2025-12-01 10:00:00": datetime(2025, 12, 1, 10),
    "2025-12-01": datetime(2025, 12, 1),
    "2025-12-01T10:00:00Z": datetime(2025, 12, 1, 10),
    "2025-12-01T00:30:00+02:00": datetime(2025, 11, 30, 22, 30),
    "2025-12-01T23:30:00-05:00": datetime(2025, 12, 2, 4, 30),
    "2025-12-01 10:00:00 Europe/Berlin": datetime(2025, 12, 1, 9),
    "1764583200": datetime(2025, 12, 1, 10),
    "1764583200123": datetime(2025, 12, 1, 10, 0, 0, 123000),
    "20251201": None,
    "2025-12-01 10:00:00 PM": None,
    "soon": None,
}
EMPTY = ("", " ", None)
DAYS = {"2025-12-01": date(2025, 12, 1), "2025-12-01 23:30:00": date(2025, 12, 1), "12/2025": None}
COUNTS = {"3": 3, "3.0": 3, "2.7": None, "many": None}


@pytest.fixture(scope="module")
def base_rows() -> dict[str, dict[str | None, tuple]]:
    """By table, of each text: what it was read as, and whether the row has a BAD_TYPE."""
    written = {"events": [*MOMENTS, *EMPTY], "users": [*DAYS, *EMPTY], "order_lines": [*COUNTS, *EMPTY]}
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set TimeZone = 'UTC'; create schema shop")
        select = "select cast(unnest(range(len($1))) as varchar) as id, unnest($1::varchar[]) as told"
        for table, columns in {
            "events": "id as event_id, 'U' as user_id, 'view' as event_type, told as event_at",
            "users": "id as user_id, told as birth_date",
            "order_lines": "id as order_id, told as line_number, 'U' as user_id, 'P' as product_id, '1' as quantity, "
            "'2025-12-01' as ordered_at, '1' as list_price, '1' as paid_price",
        }.items():
            connection.execute(f"create table shop.{table} as select {columns}, told as x_told from ({select})", [written[table]])
        StagingBuild(connection).build()
        return {
            table: {
                told: (value, bool(errors))
                for told, value, errors in connection.execute(
                    f"select json_extract_string(x_columns, 'x_told'), {column}, type_errors from staging.base_{table}"
                ).fetchall()
            }
            for table, column in {"events": "event_at", "users": "birth_date", "order_lines": "line_number"}.items()
        }


@pytest.mark.parametrize(
    ("table", "kind", "written"),
    [("events", "timestamp", MOMENTS), ("users", "date", DAYS), ("order_lines", "integer", COUNTS)],
)
def test_text_is_read_or_told_to_be_unreadable(
    base_rows: dict[str, dict[str | None, tuple]],
    connection: duckdb.DuckDBPyConnection,
    table: str,
    kind: str,
    written: dict[str, object],
) -> None:
    for told, value in written.items():
        assert base_rows[table][told] == (value, value is None), told
        query = f"select cast({staged_value('told', kind, 'VARCHAR')} as {kind}) from (select $1::varchar as told)"
        assert connection.execute(query, [told]).fetchall() == [(value,)], told


@pytest.mark.parametrize("table", ["events", "users", "order_lines"])
@pytest.mark.parametrize("told", EMPTY)
def test_blank_text_is_absent_and_not_unreadable(
    base_rows: dict[str, dict[str | None, tuple]], table: str, told: str | None
) -> None:
    assert base_rows[table][told] == (None, False)
