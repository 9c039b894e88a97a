"""Three foreign shops from raw files to staging, by what `promo init` proposes unseen."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
import yaml
from foreign_shops import WRITERS
from staging_sql import StagingBuild

from promo_cli.build import build_warehouse
from promo_cli.connectors import mapped
from promo_cli.contract import read_contract
from promo_cli.errors import PromoError
from promo_cli.initialising import Outcome, Wishes, initialise
from promo_cli.mapping.artefact import read_mapping
from promo_cli.mapping.source import Source
from promo_cli.policies import check_policies

ZONES = {"shopify": "America/New_York", "olist": "America/Sao_Paulo", "clicks": "Europe/Berlin"}


def one(connection: duckdb.DuckDBPyConnection, sql: str) -> object:
    return connection.execute(sql).fetchall()[0][0]


class Brought:
    """A foreign shop, laid out, mapped, loaded and staged."""

    def __init__(self, name: str, folder: Path) -> None:
        WRITERS[name](folder / "export")
        self.files = folder / "export"
        self.project = folder / "project"
        wishes = Wishes(self.project, Source("files", str(self.files)), ZONES[name], local_times=name == "olist")
        self.outcome: Outcome = initialise(wishes, is_asked=False, takes_proposals=True)
        self.mapping = read_mapping(self.project / "mapping", read_contract())
        self.connection = duckdb.connect()
        self.connection.execute("set TimeZone = 'UTC'")
        self.loads = {load.table: load for load in mapped.load(self.connection, self.mapping)}
        StagingBuild(self.connection).build()

    def origin(self, table: str, column: str) -> str:
        """Where a column of the contract is proposed from."""
        assert self.outcome.proposals is not None
        return next(field.source for field in self.outcome.proposals[table].fields if field.column == column)


@pytest.fixture(scope="module")
def shopify(tmp_path_factory: pytest.TempPathFactory) -> Brought:
    return Brought("shopify", tmp_path_factory.mktemp("shopify"))


@pytest.fixture(scope="module")
def olist(tmp_path_factory: pytest.TempPathFactory) -> Brought:
    return Brought("olist", tmp_path_factory.mktemp("olist"))


@pytest.fixture(scope="module")
def clicks(tmp_path_factory: pytest.TempPathFactory) -> Brought:
    return Brought("clicks", tmp_path_factory.mktemp("clicks"))


def test_every_line_of_an_export_ends_up_somewhere(shopify: Brought, olist: Brought, clicks: Brought) -> None:
    lines = {
        "shopify": sum(len(path.read_text().splitlines()) - 1 for path in shopify.files.glob("orders_export_*.csv")),
        "olist": len((olist.files / "olist_order_items_dataset.csv").read_text().splitlines()) - 1,
        "clicks": len((clicks.files / "clicks.ndjson").read_text().splitlines()),
    }
    for shop, table in ((shopify, "order_lines"), (olist, "order_lines"), (clicks, "events")):
        rows_in, accepted, rejected, left_out = shop.connection.execute(
            "select rows_in, rows_accepted, rows_rejected, rows_left_out from audits.row_accounting where table_name = ?", [table]
        ).fetchall()[0]
        assert rows_in == accepted + rejected + left_out == lines[shop.files.parent.name.rstrip("0123456789")]
        assert accepted > 0.9 * rows_in


def test_what_is_the_orders_stands_on_every_line_of_it(shopify: Brought) -> None:
    assert one(shopify.connection, "select count(*) from shop.order_lines where user_id is null") == one(
        shopify.connection,
        f"""
        select count(*) from read_csv('{shopify.files}/orders_export_*.csv', all_varchar = true, ignore_errors = true)
        where "Name" in (select order_id from shop.order_lines where user_id is null)
        """,
    )
    assert one(shopify.connection, "select count(distinct user_id) from staging.stg_order_lines") == 400
    assert one(shopify.connection, "select count(*) from staging.checked_order_lines where ordered_at is null") == 0
    # -0500 is five hours behind UTC
    assert one(
        shopify.connection,
        f"""
        select count(*)
        from staging.checked_order_lines as lines
        inner join read_csv('{shopify.files}/orders_export_*.csv', all_varchar = true, ignore_errors = true) as export
            on lines.order_id = export."Name" and export."Created at" is not null
        where lines.ordered_at <> cast(left(export."Created at", 19) as timestamp) + interval 5 hours
        """,
    ) == 0  # fmt: skip


def test_an_orders_discount_is_spread_over_its_lines(shopify: Brought) -> None:
    spread = (
        "select order_id, sum(discount) as off, sum((list_price - paid_price) * quantity) as less from staging.stg_order_lines "
    )
    rows = shopify.connection.execute(f"{spread} where coupon_id = 'SAVE5' group by order_id").fetchall()
    assert len(rows) > 1_000
    assert all(abs(float(off) - 5) < 0.03 and abs(float(less) - 5) < 0.06 for _, off, less in rows)
    assert one(shopify.connection, f"select sum(off) from ({spread} where coupon_id is null group by order_id)") == 0


def test_cancelled_and_refunded_orders_were_not_bought(shopify: Brought, olist: Brought) -> None:
    assert (
        one(
            shopify.connection,
            f"""
            select count(*) from shop.order_lines
            where order_id in (
                select "Name" from read_csv('{shopify.files}/orders_export_*.csv', all_varchar = true, ignore_errors = true)
                where "Financial Status" in ('refunded', 'voided') or "Cancelled at" is not null
            )
            """,
        )
        == 0
    )
    orders = f"read_csv('{olist.files}/olist_orders_dataset.csv')"
    gone = f"select order_id from {orders} where order_status in ('canceled', 'unavailable')"
    assert one(olist.connection, f"select count(*) from ({gone})") != 0
    assert one(olist.connection, f"select count(*) from shop.order_lines where order_id in ({gone})") == 0


def test_consent_that_an_export_denies_is_denied(shopify: Brought) -> None:
    granted = "select count(*) from staging.stg_consents where purpose = 'marketing' and {}granted"
    assert (one(shopify.connection, granted.format("")), one(shopify.connection, granted.format("not "))) == (266, 134)


def test_a_product_without_a_key_goes_by_its_name(shopify: Brought) -> None:
    assert one(shopify.connection, "select count(*) from staging.stg_order_lines where product_id like 'Product %'") != 0
    assert one(shopify.connection, "select count(*) from staging.stg_products where category = 'unknown'") == 3
    assert one(
        shopify.connection, "select count(*) from staging.stg_products where unit_cost is not null and list_price is not null"
    )


def test_a_customer_id_that_is_new_with_every_order_names_no_person(olist: Brought) -> None:
    assert olist.origin("order_lines", "user_id") == "olist_customers_dataset.customer_unique_id"
    assert olist.origin("users", "user_id") == "olist_customers_dataset.customer_unique_id"
    assert one(olist.connection, "select count(*) from staging.stg_users") == 400
    assert one(olist.connection, "select count(distinct user_id) from staging.stg_order_lines") == 400


def test_the_shops_own_times_become_utc(olist: Brought) -> None:
    """--local-times: São Paulo is three hours behind."""
    bought = f"read_csv('{olist.files}/olist_orders_dataset.csv')"
    wrong = f"""
        select count(*) from staging.stg_order_lines as lines inner join {bought} as orders using (order_id)
        where lines.ordered_at <> orders.order_purchase_timestamp + interval 3 hours
    """
    assert one(olist.connection, wrong) == 0


def test_a_review_of_an_order_is_one_of_its_only_product(olist: Brought) -> None:
    reasons = olist.connection.execute(
        "select reason, count(*) from audits.rejected_rows where table_name = 'reviews' group by reason order by reason"
    ).fetchall()
    assert {reason for reason, _ in reasons} <= {"MISSING_PRODUCT_ID", "DUPLICATE_KEY", "FUTURE_DATE"}
    items = f"(from read_csv('{olist.files}/olist_order_items_dataset.csv')) as items"
    several = f"select order_id from {items} group by order_id having count(distinct product_id) > 1"
    assert one(olist.connection, f"select count(*) from ({several})") != 0
    single = f"select order_id from {items} group by order_id having count(distinct product_id) = 1"
    reviews = f"(from read_csv('{olist.files}/olist_order_reviews_dataset.csv')) as reviews"
    astray = f"""
        select count(*) from staging.stg_reviews as found
        anti join (
            select review_id, product_id from {reviews} inner join {items} using (order_id) where order_id in ({single})
        ) as told using (review_id, product_id)
    """
    assert one(olist.connection, astray) == 0
    assert one(olist.connection, "select count(*) from staging.stg_reviews") > 5_000


def test_a_shops_words_for_events_are_translated(clicks: Brought) -> None:
    found = dict(clicks.connection.execute("select event_type, count(*) from staging.stg_events group by event_type").fetchall())
    assert found.keys() == {"view", "cart", "uncart", "search", "purchase"}
    reasons = dict(
        clicks.connection.execute(
            "select reason, count(*) from audits.rejected_rows where table_name = 'events' group by reason"
        ).fetchall()
    )
    assert reasons.keys() == {"UNKNOWN_EVENT_TYPE", "MISSING_USER_ID", "DUPLICATE_KEY"} & reasons.keys()
    assert reasons["UNKNOWN_EVENT_TYPE"] > 0  # banner_seen: no view of a product
    assert one(clicks.connection, "select min(event_at) from staging.stg_events").year == 2024  # type: ignore[attr-defined]
    assert one(clicks.connection, "select count(*) from staging.stg_events where price is null") == 0


def test_policies_are_for_the_shops_own_categories_and_money(shopify: Brought, clicks: Brought) -> None:
    for shop in (shopify, clicks):
        seeds = shop.project / "dbt_project" / "seeds"
        check_policies(seeds)
        with duckdb.connect() as connection:
            policy = f"read_csv('{seeds}/pricing_policy.csv', all_varchar = true)"
            categories = {row[0] for row in connection.execute(f"select category from {policy}").fetchall()}
            assert categories == {"*", "Coffee", "Tea", "Mugs", "Grinders", "Gift Cards", "Filters"}
            closed = connection.execute(f"select category from {policy} where is_promotable = 'false'").fetchall()
            assert closed == [("Gift Cards",)]
            assert one(connection, f"select price_step || ' ' || price_ending from {policy} where category = '*'") == "1.00 0.99"
            # a basket of some 80 USD: what fits 30 would be given away
            spend = one(
                connection, f"select min_spend from read_csv('{seeds}/promotion_catalogue.csv') where promotion_id = 'BASKET_OFF'"
            )
            assert float(str(spend)) > 60


def test_coverage_says_what_is_missing_for_what(shopify: Brought, clicks: Brought) -> None:
    covered = {capability.id: capability for capability in shopify.outcome.covered}
    assert list(covered) == [f"M{number}" for number in range(1, 27)]
    assert covered["M10"].lacks[0] == "no coupons table: offers come from seeds/promotion_catalogue.csv alone"
    assert covered["M20"].state == "on"
    without = {capability.id: capability for capability in clicks.outcome.covered}
    assert without["M20"].lacks == ("no consents table: the var default_consent decides for everybody",)
    assert without["M19"].state == "off"
    assert without["M3"].state == "on"


def test_a_mapping_moves_with_its_project_and_gives_the_same_rows_again(olist: Brought, tmp_path: Path) -> None:
    assert yaml.safe_load((olist.project / "mapping" / "source.yml").read_text())["place"] == "../../export"
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        again = {load.table: load for load in mapped.load(connection, olist.mapping)}
        assert again == olist.loads
        differ = "select count(*) from (select * from shop.order_lines except select * from shop.order_lines)"
        assert one(connection, differ) == 0
        assert again["order_lines"].rows == one(olist.connection, "select count(*) from shop.order_lines")


@pytest.mark.parametrize(
    ("table", "change", "told"),
    [
        ("order_lines", ("left join source.olist_orders_dataset", "inner join source.olist_orders_dataset"), None),
        ("order_lines", ("as paid_price", "as paid_prize"), "makes no column paid_price"),
        ("order_lines", ("from source.olist_order_items_dataset as", "from source.olist_order_items as"), "does not exist"),
        ("products", ("as category", "as kategory"), "makes no column category"),
        ("users", ("as zip", "as zipp"), "did you mean zip"),
        ("users", ("select\n", "selekt\n"), "holds no select"),
        ("products", ("from source.olist_products_dataset as olist_products_dataset",
                      "from source.olist_products_dataset as olist_products_dataset, range(2)"), "makes 240 rows of 120"),
        ("products", ("-- Rows: source.olist_products_dataset", "-- Rows: source.produtos"), "names produtos"),
        ("users", ("olist_customers_dataset.customer_zip_code_prefix as zip", "[1] as zip"), "no string; bring a plain column"),
    ],
)  # fmt: skip
def test_an_edited_mapping_is_followed_or_refused_in_one_line(
    olist: Brought, tmp_path: Path, table: str, change: tuple[str, str], told: str | None
) -> None:
    folder = tmp_path / "project" / "mapping"
    folder.mkdir(parents=True)
    for path in (olist.project / "mapping").iterdir():
        text = path.read_text().replace("../../export", str(olist.files))
        if path.stem == table:
            assert change[0] in text
            text = text.replace(change[0], change[1], 1)
        (folder / path.name).write_text(text)
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        if told is None:
            mapped.load(connection, read_mapping(folder, read_contract()))
            return
        with pytest.raises(PromoError, match=told) as refused:
            mapped.load(connection, read_mapping(folder, read_contract()))
        assert refused.value.exit_code == 1
        assert "\n" not in refused.value.message
        assert connection.execute("select 1 from duckdb_tables() where schema_name = 'shop'").fetchall() == []


def test_load_mapped_finds_the_mapping_beside_the_project(
    clicks: Brought, promo: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(clicks.project)
    code, out, _ = promo("load", "mapped", "--json", "--database", tmp_path / "offerhouse.duckdb")
    assert (code, '"table": "events"' in out) == (0, True)
    code, out, _ = promo("load", "files", clicks.files, "--mapping", "mapping", "--json", "--database", tmp_path / "other.duckdb")
    assert (code, f'"rows": {clicks.loads["events"].rows}' in out) == (0, True)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(WRITERS))
def test_a_foreign_shop_builds_by_the_proposals_alone(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from promo_cli.load import load_by_mapping

    WRITERS[name](tmp_path / "export")
    initialise(Wishes(tmp_path / "project", Source("files", str(tmp_path / "export")), ZONES[name]), False, True)
    monkeypatch.chdir(tmp_path / "project")
    database = Path("warehouse/offerhouse.duckdb")
    load_by_mapping(None, database, quiet=True)
    build_warehouse(database, quiet=True)
    with duckdb.connect("warehouse/published/offerhouse.duckdb", read_only=True) as connection:
        assert one(connection, "select count(*) from promotions.user_segments") == 400
        assert one(connection, "select count(*) from promotions.offers") > 0
        assert one(connection, "select count(*) from promotions.dynamic_prices where personal_price > list_price") == 0
