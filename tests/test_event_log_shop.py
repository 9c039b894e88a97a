"""A shop of nothing but an event log, the whole way."""

from pathlib import Path

import duckdb
import pytest
from small_shop import load_folder, write_event_log

from promo_cli.dbt_runner import run_dbt


def one(connection: duckdb.DuckDBPyConnection, sql: str) -> object:
    return connection.execute(sql).fetchall()[0][0]


@pytest.mark.slow
def test_an_event_log_alone_gives_segments_recommendations_and_prices(tmp_path: Path) -> None:
    write_event_log(tmp_path / "shop")
    database = load_folder(tmp_path / "shop", tmp_path / "offerhouse.duckdb")
    with duckdb.connect(str(database)) as connection:
        # of a product that nothing says the price of: a purchase all the same
        connection.execute(
            "insert into shop.events (event_at, event_type, product_id, category, user_id, session_id) "
            "values ('2020-03-01T12:00:00+02:00', 'purchase', '1999', '2004', '513', 'unpriced')"
        )
    # without what is the same in any shop, and the cheapest to be sure of
    run_dbt(["build", "--exclude-resource-type", "unit_test", "--exclude", "test_name:not_null_columns"], database)
    with duckdb.connect(str(database), read_only=True) as connection:
        assert one(connection, "select count(*) from promotions.user_segments") == 60
        assert one(connection, "select count(*) from promotions.user_segments where life_cycle = 'active'") > 0
        assert one(connection, "select count(*) from promotions.recommendations") >= 60 * 15
        assert one(connection, "select count(*) from promotions.dynamic_prices where personal_price > list_price") == 0
        assert one(connection, "select count(*) from promotions.dynamic_prices") > 0
        # a shop without accounts: everybody is a member, and what was paid is points
        assert one(connection, "select count(*) from promotions.loyalty_status where run_by = 'policy'") == 60
        paid = one(connection, "select sum(paid_price * quantity) from staging.stg_order_lines")
        assert paid == one(connection, "select sum(points_balance) from promotions.loyalty_status")
        rows_in, rejected = connection.execute(
            "select rows_in, rows_rejected from audits.row_accounting where table_name = 'events'"
        ).fetchall()[0]
        assert (rows_in, rejected) == (6003, 2)
        # written with an offset, read in UTC
        assert one(connection, "select cast(min(event_at) as varchar) from staging.stg_events") == "2019-10-01 00:00:00"
