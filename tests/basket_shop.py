"""Baskets and offers made for tests, in memory, and the project's own SQL run over them."""

import random
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
from compiled_sql import CATALOG
from rendered_sql import PROJECT

MODELS = [
    "basket_lines",
    "basket_items",
    "basket_offers",
    "basket_matches",
    "basket_contests",
    "basket_item_prices",
    "basket_choices",
    "basket_order_prices",
    "basket_promotions",
    "basket_quote",
    "basket_totals",
]
"""In the order in which they build on each other."""

CATEGORIES = ("tea", "bread", "fuel")
MAX_DISCOUNT, MIN_MARGIN = Decimal("0.3"), Decimal("0.05")
ITEM_KINDS = ("flash_discount", "member_exclusive", "birthday", "personal_pick")


@dataclass(frozen=True)
class Product:
    """Fuel can't be promoted."""

    product_id: str
    category: str
    list_price: Decimal
    unit_cost: Decimal | None = None


@dataclass(frozen=True)
class Line:
    product_id: str
    quantity: Decimal = Decimal(1)
    unit_price: Decimal | None = None
    coupon_ids: str | None = None


@dataclass(frozen=True)
class Offer:
    promotion_id: str
    kind: str = "coupon"
    is_shops: bool = False
    amount_off: Decimal | None = None
    percent_off: float | None = None
    points_multiplier: float | None = None
    min_spend: Decimal | None = None
    product_id: str | None = None
    categories: str | None = None
    products: tuple[str, ...] = ()
    min_margin: float | None = None
    priority: int = 50
    exclusive_group: str | None = None
    is_stackable: bool = True
    group_winner: str | None = None
    expected_margin: float = 1.0
    valid_from: str = "2025-03-01"
    valid_to: str = "2025-03-08"


@dataclass(frozen=True)
class Basket:
    """One basket of a user of its own."""

    basket_id: str
    lines: tuple[Line, ...]
    offers: tuple[Offer, ...] = ()
    quoted_at: str | None = None

    def with_lines(self, lines: list[Line], suffix: str) -> "Basket":
        return replace(self, basket_id=self.basket_id + suffix, lines=tuple(lines))

    def with_offers(self, offers: list[Offer], suffix: str) -> "Basket":
        return replace(self, basket_id=self.basket_id + suffix, offers=tuple(offers))


@dataclass
class Quotes:
    """What the SQL says, by basket: totals, promotions by id, lines by number."""

    totals: dict[str, dict[str, Any]] = field(default_factory=dict)
    promotions: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    lines: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


PRODUCTS = [
    Product("tea", "tea", Decimal("10.00"), Decimal("4.00")),
    Product("green tea", "tea", Decimal("3.33")),
    Product("pot", "tea", Decimal("100.00"), Decimal("60.00")),
    Product("bread", "bread", Decimal("1.99"), Decimal("0.70")),
    Product("cake", "bread", Decimal("25.50")),
    Product("sticker", "tea", Decimal("10.00"), Decimal("0.00")),
    Product("gas", "fuel", Decimal("1.50")),
]


def open_shop(connection: duckdb.DuckDBPyConnection) -> None:
    """The tables that don't change from run to run: PRODUCTS and their policy, the codes, no own prices."""
    connection.execute(f"attach ':memory:' as {CATALOG}; use {CATALOG}")
    for schema in ("staging", "features", "promotions", "policies"):
        connection.execute(f"create schema {schema}")
    _write(
        connection,
        "staging.stg_products",
        "product_id string, category string, list_price decimal(18, 2), unit_cost decimal(18, 2)",
        [(p.product_id, p.category, p.list_price, p.unit_cost) for p in PRODUCTS],
    )
    connection.execute(f"""
        create table staging.as_of_dates as select date '2025-03-01' as as_of_date, date '2025-03-01' as data_until;
        create table features.product_policy as
        select product_id, category <> 'fuel' as is_promotable, {MIN_MARGIN}::double as min_margin,
            {MAX_DISCOUNT}::double as max_discount
        from staging.stg_products;
        create table features.product_features as
        select date '2025-03-01' as as_of_date, product_id, list_price::double as list_price from staging.stg_products;
        create table promotions.market_prices as
        select product_id, list_price, list_price::double as market_price, 0.01 as price_floor, 'MAX_DISCOUNT' as floor_guardrail,
            null::decimal(18, 2) as prior_price_30d, list_price as last_price, 0.5 as max_step,
            0.01::decimal(18, 2) as price_step, 0::decimal(18, 2) as price_ending
        from staging.stg_products where category <> 'fuel';
        create table promotions.dynamic_prices as
        select 'u' as user_id, 'p' as product_id, 1.00::decimal(18, 2) as personal_price, true as is_personalised limit 0;
        create table promotions.promotion_uses as
        select 'c' as promotion_id, 'u' as user_id, timestamp '2025-01-01' as redeemed_at limit 0;
        create table policies.basket_codes as from read_csv('{PROJECT}/seeds/basket_codes.csv', header = true, quote = '"');
    """)


def quote(connection: duckdb.DuckDBPyConnection, statements: dict[str, str], baskets: list[Basket]) -> Quotes:
    """Runs every model over the baskets."""
    write_baskets(connection, baskets)
    run_models(connection, statements)
    quotes = Quotes()
    for row in _read(connection, "select * from promotions.basket_totals"):
        quotes.totals[row["basket_id"]] = row
        quotes.promotions[row["basket_id"]] = {}
    for row in _read(connection, "select * from promotions.basket_promotions"):
        quotes.promotions[row["basket_id"]][row["promotion_id"]] = row
    for row in _read(connection, "select * from promotions.basket_quote order by basket_id, line_number"):
        quotes.lines.setdefault(row["basket_id"], []).append(row)
    return quotes


def run_models(connection: duckdb.DuckDBPyConnection, statements: dict[str, str]) -> None:
    for model, statement in statements.items():
        connection.execute(f"create or replace table promotions.{model} as {statement}")


def write_baskets(connection: duckdb.DuckDBPyConnection, baskets: list[Basket]) -> None:
    """The baskets, the offers of their users, and the products of coupons."""
    offers = {offer.promotion_id: offer for basket in baskets for offer in basket.offers}
    _write(
        connection,
        "staging.stg_baskets",
        """basket_id string, line_number integer, user_id string, product_id string, quantity decimal(18, 3),
        unit_price decimal(18, 2), coupon_ids string, quoted_at timestamp""",
        [
            (b.basket_id, number, "user " + b.basket_id, x.product_id, x.quantity, x.unit_price, x.coupon_ids, b.quoted_at)
            for b in baskets
            for number, x in enumerate(b.lines, 1)
        ],
    )
    _write(
        connection,
        "promotions.offers",
        """offer_id string, as_of_date date, user_id string, promotion_id string, promotion_name string, kind string,
        amount_off decimal(18, 2), percent_off double, points_multiplier double, min_spend decimal(18, 2), product_id string,
        categories string, min_margin double, priority integer, exclusive_group string, is_stackable boolean,
        group_winner string, expected_margin double, valid_from timestamp, valid_to timestamp""",
        [
            (
                f"{b.basket_id}/{o.promotion_id}", "2025-03-01", "user " + b.basket_id, o.promotion_id, o.promotion_id, o.kind,
                o.amount_off, o.percent_off, o.points_multiplier, o.min_spend, o.product_id, o.categories, o.min_margin,
                o.priority, o.exclusive_group, o.is_stackable, o.group_winner, o.expected_margin, o.valid_from, o.valid_to,
            )
            for b in baskets
            for o in b.offers
        ],
    )  # fmt: skip
    _write(
        connection,
        "staging.stg_coupons",
        "coupon_id string",
        [(offer.promotion_id,) for offer in offers.values() if offer.is_shops],
    )
    _write(
        connection,
        "staging.stg_coupon_products",
        "coupon_id string, product_id string",
        [(offer.promotion_id, product) for offer in offers.values() for product in offer.products],
    )


def make_baskets(seed: int, count: int) -> list[Basket]:
    """Baskets of one to five lines with none to four offers of every kind, crowded so that floors, groups and minima bite."""
    draw = random.Random(seed)  # noqa: S311 -- test data
    return [_make_basket(draw, f"{seed}-{number}") for number in range(count)]


def _make_basket(draw: random.Random, basket_id: str) -> Basket:
    lines = []
    for _ in range(draw.randint(1, 5)):
        product = draw.choice(PRODUCTS)
        weighed = draw.random() < 0.15
        quantity = Decimal(draw.randint(1, 4000)) / 1000 if weighed else Decimal(draw.randint(1, 5))
        shelf = product.list_price * Decimal(draw.randint(60, 100)) / 100
        lines.append(Line(product.product_id, quantity, shelf.quantize(Decimal("0.01")) if draw.random() < 0.3 else None))
    offers = [_make_offer(draw, f"{basket_id}-{letter}", lines) for letter in "ABCD"[: draw.randint(0, 4)]]
    return Basket(basket_id, tuple(lines), tuple(offers))


def _make_offer(draw: random.Random, promotion_id: str, lines: list[Line]) -> Offer:
    kind = draw.choice((*ITEM_KINDS, "spend_threshold", "spend_threshold", "coupon", "coupon", "festival", "points_multiplier"))
    benefit: dict[str, Any]
    if kind == "points_multiplier":
        benefit = {"points_multiplier": 2.0}
    elif draw.random() < 0.5:
        benefit = {"percent_off": draw.choice((5.0, 7.5, 10.0, 15.0, 33.33, 40.0, 70.0, 100.0))}
    else:
        benefit = {"amount_off": Decimal(draw.choice(("0.01", "0.50", "1.00", "5.00", "9.99", "50.00")))}
    is_item = kind in ITEM_KINDS or (kind == "festival" and draw.random() < 0.5)
    return Offer(
        promotion_id,
        kind,
        kind != "points_multiplier" and draw.random() < 0.1,
        **benefit,
        min_spend=Decimal(draw.choice(("5", "20", "60", "100"))) if not is_item and draw.random() < 0.4 else None,
        product_id=draw.choice([*lines, Line("tea")]).product_id if is_item else None,
        categories=draw.choice(("tea", "bread", "tea|bread")) if draw.random() < 0.3 else None,
        products=("tea", "cake", "bread")[: draw.randint(1, 3)] if not is_item and draw.random() < 0.2 else (),
        min_margin=draw.choice((0.0, 0.2, 0.8)) if draw.random() < 0.3 else None,
        priority=draw.choice((10, 10, 20)),
        exclusive_group=draw.choice((None, None, "g", "h")),
        is_stackable=draw.random() < 0.85,
        group_winner=draw.choice((None, None, "best_for_customer")),
        expected_margin=draw.choice((50, 100, 200, 300)) / 100 + ord(promotion_id[-1]) / 1000,
    )


def _write(connection: duckdb.DuckDBPyConnection, table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
    connection.execute(f"create or replace table {table} ({columns})")
    if not rows:
        return
    strings = {
        f"c{position}": [None if value is None else str(value) for value in values]
        for position, values in enumerate(zip(*rows, strict=True))
    }
    made = pa.table({name: pa.array(values, pa.string()) for name, values in strings.items()})  # noqa: F841 -- read by the query below
    connection.execute(f"insert into {table} from made")


def _read(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    found = connection.execute(sql)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
