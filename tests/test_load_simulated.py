"""The simulated shop: the same seed, the same rows; every table of the contract; what is planted can be found again."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import yaml

from promo_cli.connectors import simulated
from promo_cli.paths import contract_path, dbt_project_path

USERS, DAYS, PRODUCTS = 4_000, 200, 1_000


def shop(path: Path, threads: int = 2, seed: int = 1, users: int = USERS) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(path))
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(f"set threads = {threads}")
    simulated.load(connection, users, DAYS, seed, PRODUCTS)
    return connection


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = shop(tmp_path_factory.mktemp("simulated") / "shop_a.duckdb")
    yield connection
    connection.close()


def one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple:
    return connection.execute(query).fetchall()[0]


def contents(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple]:
    """Rows of every table, and a hash that knows in which order they stand."""
    tables = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where schema_name in ('shop', 'truth') order by all"
    ).fetchall()
    return {
        table: one(connection, f"select count(*), sum(hash(row) * (rowid % 1009 + 1)::hugeint) from {table} as row")
        for (table,) in tables
    }


def test_same_seed_gives_the_same_rows_in_the_same_order_on_one_thread_and_on_four(
    loaded: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # in blocks of another size too: a block is a matter of memory, not of what is made
    one_thread = shop(tmp_path / "one.duckdb", threads=1)
    four_threads = shop(tmp_path / "four.duckdb", threads=4)
    monkeypatch.setattr(simulated, "BLOCK", 1_700)
    blocks = shop(tmp_path / "blocks.duckdb")
    expected = contents(loaded)
    assert contents(one_thread) == expected
    assert contents(four_threads) == expected
    assert {table: rows for table, (rows, _) in contents(blocks).items()} == {
        table: rows for table, (rows, _) in expected.items()
    }


def test_another_seed_gives_another_shop(loaded: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    other = contents(shop(tmp_path / "other.duckdb", seed=2))
    same = [table for table, found in contents(loaded).items() if other[table] == found]
    # what is alike in all shops: what categories coupons cover
    assert set(same) <= {
        "truth.days",
        "shop.campaigns",
        "shop.coupons",
        "shop.coupon_products",
        "shop.load_rejects",
        "shop.left_out",
    }


def test_every_table_and_column_of_the_contract_has_rows(loaded: duckdb.DuckDBPyConnection) -> None:
    # of an event the contract knows columns for shops without products and orders, which this one has
    spare = {("events", column) for column in ("price", "quantity", "brand", "category")} | {("coupons", "max_redemptions")}
    for table in yaml.safe_load(contract_path().read_text())["sources"][0]["tables"]:
        name = table["name"]
        for column in table["columns"]:
            if (name, column["name"]) not in spare:
                assert one(loaded, f"select count({column['name']}) from shop.{name}")[0] > 0, f"{name}.{column['name']}"


def test_keys_are_unique_and_rows_refer_to_what_exists(loaded: duckdb.DuckDBPyConnection) -> None:
    for table in yaml.safe_load(contract_path().read_text())["sources"][0]["tables"]:
        keys = [column["name"] for column in table["columns"] if column.get("config", {}).get("meta", {}).get("key")]
        rows, distinct = one(loaded, f"select count(*), count(distinct ({', '.join(keys)})) from shop.{table['name']}")
        assert rows == distinct, table["name"]
    for table in ("order_lines", "events", "reviews", "coupon_redemptions", "campaign_sends"):
        unknown = one(loaded, f"select count(*) from shop.{table} where user_id not in (select user_id from shop.users)")
        assert unknown == (0,), table
    assert one(loaded, "select count(*) from shop.order_lines where paid_price > list_price or paid_price <= 0") == (0,)
    last = one(loaded, "select max(event_at), (select max(ordered_at) from shop.order_lines) from shop.events")
    assert all(moment.date() < simulated.END for moment in last)


def test_no_model_reads_the_truth() -> None:
    files = [*dbt_project_path().rglob("models/**/*.sql"), *dbt_project_path().rglob("macros/**/*.sql")]
    assert len(files) > 50
    assert [file.name for file in files if "truth." in file.read_text() or '"truth"' in file.read_text()] == []


def test_messages_bring_visits_of_the_persuadable_and_cost_those_of_the_others(loaded: duckdb.DuckDBPyConnection) -> None:
    rates = dict(
        loaded.execute(
            """
            with bought as (
                select distinct campaigns.campaign_id, lines.user_id
                from shop.order_lines as lines
                inner join shop.campaigns as campaigns
                    on lines.ordered_at >= campaigns.starts_at and lines.ordered_at < campaigns.ends_at
            )
            select
                people.response_type,
                avg((bought.user_id is not null)::int) filter (where sends.treated)
                / avg((bought.user_id is not null)::int) filter (where not sends.treated)
            from shop.campaign_sends as sends
            inner join truth.people as people on sends.user_id = 'u' || people.person
            left join bought on sends.campaign_id = bought.campaign_id and sends.user_id = bought.user_id
            where people.ring is null
            group by all
            """
        ).fetchall()
    )
    assert rates["persuadable"] > 1.2
    assert rates["do_not_disturb"] < 0.85
    assert 0.85 < rates["sure_thing"] < 1.15


def test_the_price_sensitive_buy_more_of_what_is_reduced(loaded: duckdb.DuckDBPyConnection) -> None:
    low, high = one(
        loaded,
        """
        with shares as (
            select people.price_sensitivity > 2 as is_sensitive, avg((lines.discount > 0)::int) as share
            from shop.order_lines as lines
            inner join truth.people as people on lines.user_id = 'u' || people.person
            where lines.coupon_id is null
            group by all
        )
        select min(share) filter (where not is_sensitive), min(share) filter (where is_sensitive) from shares
        """,
    )
    assert high > 1.2 * low


def test_rings_share_cards_and_devices_and_families_an_address_alone(loaded: duckdb.DuckDBPyConnection) -> None:
    rings, shared_by_others, shared_addresses = one(
        loaded,
        """
        with lines as (
            select lines.*, people.ring
            from shop.order_lines as lines
            inner join truth.people as people on lines.user_id = 'u' || people.person
        ),
        cards as (
            select payment_hash, count(distinct user_id) as users, bool_or(ring is not null) as is_ring from lines group by all
        ),
        addresses as (
            select ship_address_hash, count(distinct user_id) as users, bool_or(ring is not null) as is_ring
            from lines group by all
        )
        select
            (select count(*) from cards where users >= 4 and is_ring),
            (select count(*) from cards where users > 1 and not is_ring),
            (select count(*) from addresses where users = 2 and not is_ring)
        """,
    )
    assert rings == one(loaded, "select count(distinct ring) from truth.people")[0] > 0
    assert shared_by_others == 0
    assert shared_addresses > 100


def test_own_products_are_bought_again(loaded: duckdb.DuckDBPyConnection) -> None:
    (share,) = one(
        loaded,
        """
        select avg((times > 1)::int)
        from (select count(distinct order_id) as times from shop.order_lines group by user_id, product_id)
        """,
    )
    assert share > 0.05


def test_a_failed_load_leaves_the_shop_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = shop(tmp_path / "kept.duckdb", users=300)
    before = contents(connection)
    monkeypatch.setattr(simulated, "RECORDED", ("no_such_table",))
    with pytest.raises(duckdb.CatalogException):
        simulated.load(connection, 200, DAYS, 5, PRODUCTS)
    assert contents(connection) == before


def test_a_shop_of_one_person_and_few_days_is_a_shop(tmp_path: Path) -> None:
    connection = duckdb.connect(str(tmp_path / "tiny.duckdb"))
    simulated.load(connection, 1, 28, 3, 100)
    assert one(connection, "select count(*) from shop.users") == (1,)


def test_what_is_taken_out_of_a_cart_is_taken_out_after_it_was_put_in_and_stands_in_no_basket(
    loaded: duckdb.DuckDBPyConnection,
) -> None:
    at_once, taken_out = one(
        loaded,
        """
        with touched as (
            select user_id, product_id, max(event_at) filter (event_type = 'cart') as put_in,
                max(event_at) filter (event_type = 'uncart') as taken_out
            from shop.events group by all
        )
        select
            count(*) filter (put_in = taken_out),
            count(*) filter (taken_out >= put_in and exists (
                select 1 from shop.baskets
                where baskets.user_id = touched.user_id and baskets.product_id = touched.product_id
            ))
        from touched
        """,
    )
    assert (at_once, taken_out) == (0, 0)
    assert one(loaded, "select count(*) > 0 from shop.baskets") == (True,)


def test_nobody_does_anything_before_signing_up(loaded: duckdb.DuckDBPyConnection) -> None:
    done = {
        "events": "event_at",
        "order_lines": "ordered_at",
        "campaign_sends": "sent_at",
        "offer_feedback": "given_at",
        "consents": "changed_at",
        "loyalty_accounts": "joined_at",
    }
    for table, moment in done.items():
        before = one(
            loaded, f"select count(*) from shop.{table} inner join shop.users using (user_id) where {moment} < signed_up_at"
        )
        assert before == (0,), table


def test_festivals_of_ten_years_begin_when_the_calendar_of_festivals_says() -> None:
    connection = duckdb.connect()
    simulated.load(connection, 1, 3_650, 1, 100)
    for festival, name, days_before, days in (
        ("black_friday", "Black Friday", 1, 4),  # from the Thursday to the Sunday
        ("chinese_new_year", "Chinese New Year", 0, 8),
    ):
        of_calendar = connection.execute(
            "select starts_on - $1::integer, $2::bigint from read_csv($3) "
            "where festival = $4 and year(starts_on) between 2016 and 2025 "
            "order by all",
            [days_before, days, f"{dbt_project_path()}/seeds/festival_calendar.csv", festival],
        ).fetchall()
        planted = connection.execute(
            "select min(date), count(*) from truth.days where festival = $1 group by year(date) order by all", [name]
        ).fetchall()
        assert planted == of_calendar
        assert len(planted) == 10


def test_shops_that_differ_in_their_products_alone_are_two_shops_to_the_models_that_learn_from_them() -> None:
    sources = []
    for products in (100, 200):
        connection = duckdb.connect()
        simulated.load(connection, 20, 28, 1, products)
        sources += connection.execute("select value from shop.settings where key = 'source'").fetchall()
    assert sources[0] != sources[1]


def test_age_bands_are_of_the_dates_of_birth(loaded: duckdb.DuckDBPyConnection) -> None:
    ages = {
        band: (youngest, oldest)
        for band, youngest, oldest in loaded.execute(
            "select age_band, min(age), max(age) from (select age_band, datesub('year', birth_date, $1) as age from shop.users) "
            "group by all",
            [simulated.END],
        ).fetchall()
    }
    for band, (youngest, oldest) in ages.items():
        bounds = band.replace("65+", "65-80").split("-")
        assert int(bounds[0]) <= youngest <= oldest <= int(bounds[1]), band
    assert len(ages) == 6
    assert one(loaded, "select count(distinct month(birth_date)) from shop.users") == (12,)
