"""A shop's day begins with its first moment, whatever the clocks do about midnight."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest
from staging_sql import StagingBuild

ROW = "'U' as user_id, 'P' as product_id, 1 as line_number, 1 as quantity, 1.0 as list_price, 1.0 as paid_price"


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/Havana", "2024-11-03"),  # at 01:00 it is midnight again
        ("Atlantic/Azores", "2024-10-27"),
        ("America/Scoresbysund", "2025-03-30"),  # the last hour of the day before is left out, and so is midnight below
        ("America/Sao_Paulo", "2018-11-04"),
        ("America/Sao_Paulo", "2018-02-18"),  # the last hour of the day before comes twice
        ("Pacific/Apia", "2011-12-31"),  # there was no day before
        ("Europe/Berlin", "2024-10-27"),
    ],
)
def test_what_is_of_the_as_of_day_is_rejected_and_the_moment_before_is_not(zone: str, day: str) -> None:
    noon = datetime.fromisoformat(f"{day}T12:00:00+00:00") - timedelta(days=2)
    minutes = (noon + timedelta(minutes=minute) for minute in range(4 * 24 * 60))
    first = next(at for at in minutes if at.astimezone(ZoneInfo(zone)).date() >= date.fromisoformat(day))
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(
            "set TimeZone = 'UTC'; create schema shop; create table shop.products as select 'P' as product_id, 'C' as category"
        )
        connection.execute(
            f"create table shop.order_lines as select order_id, ordered_at, {ROW} "
            "from (values ('before', $1 - interval 1 second), ('first', $1::timestamp)) as orders (order_id, ordered_at)",
            [first.astimezone(UTC).replace(tzinfo=None)],
        )
        StagingBuild(connection, {"shop_timezone": zone, "as_of_date": day}).build()
        found = connection.execute(
            "select order_id, ordered_on < $1::date, reject_reasons from staging.checked_order_lines", [day]
        )
        assert sorted(found.fetchall()) == [("before", True, []), ("first", False, ["FUTURE_DATE"])]
