"""Prices: the prior price on a worked calendar, and what holds of every price whatever the shop, its policy and its people."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rendered_sql import PROJECT, SETTINGS, Renderer, define_engine_macros

TODAY = date(2024, 6, 1)
MODELS = {
    "product_price_days": "features",
    "product_prior_prices": "features",
    "market_prices": "promotions",
    "personal_prices": "promotions",
    "dynamic_prices": "promotions",
}


@pytest.fixture(scope="module")
def price_sql() -> dict[str, str]:
    renderer = Renderer(SETTINGS[0])
    return {model: renderer.model(PROJECT / "models" / layer / f"{model}.sql")[0] for model, layer in MODELS.items()}


@pytest.fixture(scope="module")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database in memory that knows the engine's macros which prices call."""
    with duckdb.connect() as connection:
        connection.execute("set threads = 1")
        define_engine_macros(connection)
        yield connection


def put(connection: duckdb.DuckDBPyConnection, table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
    """Make a table of `name type, …` that holds the rows."""
    connection.execute(f"create or replace table {table} ({columns})")
    if rows:
        names = [column.split()[0] for column in columns.split(", ")]
        values = pa.table({name: [row[place] for row in rows] for place, name in enumerate(names)})
        connection.register("rows_given", values)
        connection.execute(f"insert into {table} select * from rows_given")
        connection.unregister("rows_given")


# --- the prior price ---------------------------------------------------------------------------------------------------------

# Price by days before today from which it holds, until the next; None: no price and no sale. What must come of it: days since the
# running reduction began (None where none runs) and the prior price. List price 10.
CALENDAR: dict[str, tuple[list[tuple[int, float | None]], int | None, float]] = {
    "no reduction": ([(90, 10.0)], None, 10.0),
    "reduction of yesterday": ([(90, 10.0), (1, 8.0)], 1, 10.0),
    "reduction that goes on": ([(90, 10.0), (12, 8.0)], 12, 10.0),
    "reduction longer than 30 days": ([(120, 10.0), (45, 8.0)], 45, 10.0),
    "reduction after reduction": ([(90, 10.0), (25, 7.0), (20, 10.0), (3, 8.0)], 3, 7.0),
    "reduction long after a reduction": ([(90, 10.0), (60, 7.0), (50, 10.0), (3, 8.0)], 3, 10.0),
    "reduction that deepens": ([(90, 10.0), (12, 9.0), (4, 8.0)], 4, 9.0),
    "reduction that shrinks": ([(90, 10.0), (12, 7.0), (4, 8.0)], None, 7.0),
    "reduction that ended yesterday": ([(90, 10.0), (12, 7.0), (1, 10.0)], None, 7.0),
    "rise just before the sale": ([(90, 8.0), (6, 10.0), (2, 8.0)], 2, 8.0),
    "new for 20 days, reduced for 5": ([(20, 10.0), (5, 8.0)], 5, 10.0),
    "new for 20 days, cheaper to begin with": ([(20, 7.0), (15, 10.0), (5, 8.0)], 5, 7.0),
    "new and below the list price from the first day": ([(20, 8.0)], None, 8.0),
    "days without a price within the reduction": ([(90, 10.0), (12, 8.0), (9, None), (4, 8.0), (3, None)], 12, 10.0),
    "days without a price before the reduction": ([(90, 10.0), (36, None), (3, 8.0)], 3, 10.0),
    "a fall to what the price stays at is no reduction once the list price follows": ([(300, 12.0), (200, 10.0)], None, 10.0),
    "risen last week from what it cost for years": ([(900, 7.0), (500, 8.0), (11, 10.0)], None, 8.0),
    "the same for years": ([(900, 9.0)], None, 9.0),
    "reduced a year ago, soon after a rise": ([(900, 7.0), (377, 10.0), (359, 8.0)], 359, 7.0),
    "reduced longer than a year ago": ([(900, 10.0), (377, 8.0)], None, 8.0),
}


@pytest.mark.parametrize("source", ["price history", "changes of prices", "prices paid"])
def test_prior_price_is_the_lowest_of_the_30_days_before_the_reduction_began(
    price_sql: dict[str, str], warehouse: duckdb.DuckDBPyConnection, source: str
) -> None:
    days = []
    for product, (segments, _, _) in CALENDAR.items():
        ends = [start for start, _ in segments[1:]] + [0]
        for (start, price), end in zip(segments, ends, strict=True):
            if price is not None:
                last = start - 1 if source == "changes of prices" else end
                days += [(product, TODAY - timedelta(days=back), price) for back in range(start, last, -1)]
    days += [(product, TODAY, 1.0) for product in CALENDAR]  # today's own price is not of the days before
    is_recorded = source != "prices paid"
    put(warehouse, "as_of_dates", "as_of_date date, data_until date", [(TODAY, TODAY)])
    put(warehouse, "stg_products", "product_id varchar, list_price decimal(18,2)", [(name, 10) for name in CALENDAR])
    put(
        warehouse,
        "product_features",
        "as_of_date date, product_id varchar, list_price decimal(18,2), days_since_launch integer",
        [(TODAY, name, None, None) for name in CALENDAR],
    )
    put(warehouse, "product_policy", "product_id varchar, prior_price_days integer", [(name, 30) for name in CALENDAR])
    put(
        warehouse,
        "stg_price_history",
        "product_id varchar, as_of_date date, price decimal(18,2)",
        days if is_recorded else [],
    )
    # Of the prices paid on a day the lowest counts, and no sale without a price.
    paid = [(name, day, price + more, 1) for name, day, price in days for more in (0, 0.5)] + [
        (name, TODAY - timedelta(days=2), 0.0, 1) for name in CALENDAR
    ]
    put(
        warehouse,
        "stg_closed_order_lines",
        "product_id varchar, ordered_on date, paid_price decimal(18,2), quantity decimal(18,3)",
        [] if is_recorded else paid,
    )
    warehouse.execute(f"create or replace table product_price_days as {price_sql['product_price_days']}")
    found = {
        name: (began and (TODAY - began).days, float(prior))
        for name, began, prior in warehouse.execute(
            f"select product_id, reduction_began_on, prior_price from ({price_sql['product_prior_prices']})"
        ).fetchall()
    }
    expected = {name: (began, prior) for name, (_, began, prior) in CALENDAR.items()}
    if not is_recorded:  # nobody knows the price of five weeks without a sale
        expected["days without a price before the reduction"] = (3, 10.0)
    assert found == expected


# --- what holds of every price -----------------------------------------------------------------------------------------------

cents = st.integers(1, 3000).map(lambda amount: amount / 100)
share = st.integers(0, 100).map(lambda percent: percent / 100)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


ENDINGS = [(1.0, 0.99), (1.0, 0.0), (0.1, 0.09), (0.1, 0.0), (0.05, 0.0), (0.01, 0.0), (10.0, 9.9)]
PRODUCT = st.fixed_dictionaries(
    {
        "list_price": cents,
        "unit_cost": maybe(cents),
        "last_price": maybe(cents),
        "prior_price": maybe(cents),
        "stock_on_hand": maybe(st.integers(0, 1000)),
        "competitor_price": maybe(cents),
        "recent_units": maybe(st.integers(0, 50)),
        "usual_units": st.integers(0, 50),
        "discount_response": maybe(st.floats(-6, 1, allow_nan=False)),
        "k_share": st.integers(-100, 100).map(lambda percent: percent / 100),
        "max_discount": share,
        "min_margin": share,
        "max_step": share,
        "heeds_response": st.booleans(),
        "ending": st.sampled_from(ENDINGS),
    }
)
INTERESTS = [0.0, 0.3, 0.8, 1.0]


def usual_product(chance: random.Random) -> dict[str, Any]:
    """A product as shops have them: prices near each other, most things known."""
    list_price = chance.randint(50, 5000) / 100

    def near(least: float, most: float) -> float | None:
        return round(list_price * chance.uniform(least, most), 2) if chance.random() < 0.8 else None

    return {
        "list_price": list_price,
        "unit_cost": near(0.1, 0.95),
        "last_price": near(0.5, 1.2),
        "prior_price": near(0.6, 1.3),
        "stock_on_hand": chance.choice([None, 0, 10, 95, 300]),
        "competitor_price": near(0.7, 1.2),
        "recent_units": chance.choice([None, 0, 3, 20]),
        "usual_units": chance.randint(0, 20),
        "discount_response": chance.choice([None, chance.uniform(-1.2, 0.5), chance.uniform(-6, -1), chance.uniform(-6, -1)]),
        "k_share": chance.choice([-0.6, -0.3, -0.3, -0.1, 0.0, 0.2]),
        "max_discount": chance.choice([0.1, 0.3, 0.6]),
        "min_margin": chance.choice([0.0, 0.05, 0.3]),
        "max_step": chance.choice([0.05, 0.2, 0.5]),
        "heeds_response": chance.random() < 0.7,
        "ending": chance.choice(ENDINGS),
    }


USERS = {"usual": 1.0, "hunter": 1.5, "loyal": 0.5, "refused": 1.0}
"""Price sensitivities."""


def prices_of(
    products: list[dict[str, Any]], price_sql: dict[str, str], connection: duckdb.DuckDBPyConnection
) -> list[dict[str, Any]]:
    """A row a product, user and interest, with the product's own values beside the price. User ids end in the interest."""
    numbered = [(str(number), product) for number, product in enumerate(products)]
    put(connection, "as_of_dates", "as_of_date date, data_until date", [(TODAY, TODAY)])
    put(
        connection,
        "product_features",
        "as_of_date date, product_id varchar, category varchar, list_price decimal(18,2), last_price decimal(18,2), "
        "units_28d double, stock_on_hand decimal(18,3), competitor_price decimal(18,2)",
        [
            (TODAY, n, n, None, p["last_price"], 28.0, p["stock_on_hand"], p["competitor_price"])
            for n, p in numbered
        ],
    )  # fmt: skip
    put(
        connection,
        "stg_products",
        "product_id varchar, list_price decimal(18,2), unit_cost decimal(18,2), is_active boolean",
        [(n, p["list_price"], p["unit_cost"], True) for n, p in numbered],
    )
    put(
        connection,
        "product_policy",
        "product_id varchar, is_promotable boolean, k_share double, max_discount double, min_margin double, max_step double, "
        "demand_slope double, demand_floor double, demand_cap double, overstock_days double, stock_floor double, "
        "competitor_floor double, price_step decimal(18,2), price_ending decimal(18,2), heeds_response boolean",
        [
            (n, True, p["k_share"], p["max_discount"], p["min_margin"], p["max_step"], 0.1, 0.8, 1.2, 90.0, 0.8, 0.8,
             *p["ending"], p["heeds_response"])
            for n, p in numbered
        ],
    )  # fmt: skip
    put(
        connection,
        "product_prior_prices",
        "as_of_date date, product_id varchar, prior_price decimal(18,2), reduction_began_on date",
        [(TODAY, n, p["prior_price"], None) for n, p in numbered],
    )
    put(
        connection,
        "product_demand",
        "as_of_date date, product_id varchar, recent_units double, usual_units double",
        [(TODAY, n, p["recent_units"], p["usual_units"]) for n, p in numbered if p["recent_units"] is not None],
    )
    put(
        connection,
        "category_promotion_response",
        "as_of_date date, category varchar, shrunk_discount_response double",
        [(TODAY, n, p["discount_response"]) for n, p in numbered],
    )
    put(
        connection,
        "considered_products",
        "as_of_date date, user_id varchar, product_id varchar, is_personal boolean, interest float, max_interest float, "
        "price_sensitivity double",
        [
            (TODAY, f"{user} {interest}", n, user != "refused", *((None, None) if user == "refused" else (interest, 1.0)), use)
            for n, _ in numbered
            for user, use in USERS.items()
            for interest in INTERESTS
        ],
    )
    connection.execute(f"create or replace table market_prices as {price_sql['market_prices']}")
    connection.execute(f"create or replace table personal_prices as {price_sql['personal_prices']}")
    found = connection.execute(f"select * from ({price_sql['dynamic_prices']})")
    names = [column[0] for column in found.description]
    by_number = dict(numbered)
    return [
        {**by_number[row["product_id"]], **{k: float(v) if k.endswith(("price", "floor")) and v is not None else v
                                            for k, v in row.items()}}
        for row in (dict(zip(names, values, strict=True)) for values in found.fetchall())
    ]  # fmt: skip


def bounded(row: dict[str, Any], price: float) -> float:
    """The largest step, then the floor, then the list price: the later one wins."""
    if row["last_price"] is not None:
        price = max(price, (1 - row["max_step"]) * row["last_price"])
        price = min(price, (1 + row["max_step"]) * row["last_price"])
    return min(row["list_price"], max(row["price_floor"], price))


def allowed_endings(row: dict[str, Any]) -> list[float]:
    step, ending = row["ending"]
    found = (ending + n * step for n in range(int(row["list_price"] / step) + 2))
    return [price for price in found if price > 0 and row["price_floor"] - 1e-6 <= price <= row["list_price"] + 1e-6]


def check(row: dict[str, Any]) -> None:
    """What holds of one price. The rules are told here in words of their own, not in the SQL's."""
    market, formula, final = row["market_price"], row["formula_price"], row["guarded_price"]
    for price in (row["personal_price"], row["non_personal_price"]):
        assert row["price_floor"] - 1e-6 <= price <= row["list_price"]
        endings = allowed_endings(row)
        if endings:
            assert min(abs(price - ending) for ending in endings) < 1e-6 or price == row["list_price"]
        else:
            assert price == row["list_price"]

    # Each guardrail in its order: what it asks of this price, which rests on the one that is named.
    twin = bounded(row, market)
    asked = {
        "LIST_PRICE": row["list_price"],
        "PRIOR_PRICE": twin,
        "RESPONSE": row["response_floor"],
        "MARGIN_FLOOR" if row["unit_cost"] is not None else "MAX_DISCOUNT": row["price_floor"],
        "MAX_STEP": row["last_price"]
        and min(((1 + way * row["max_step"]) * row["last_price"] for way in (1, -1)), key=lambda price: abs(price - final)),
    }
    binding = row["binding_guardrail"]
    if binding is None:
        assert final == pytest.approx(formula)
    else:
        assert final == pytest.approx(asked[binding])
        assert binding == "PRIOR_PRICE" or final != formula

    # A cut is below the prior price as it is asked, with its ending.
    if row["personal_price"] < row["non_personal_price"]:
        assert row["prior_price"] is None or row["personal_price"] < row["prior_price"]
    if binding == "PRIOR_PRICE":
        assert row["personal_price"] == row["non_personal_price"]
    # A cut pays: to cut one per cent more would not raise the margin, where the response is heeded. What costs nothing may be
    # given away where the response says so: the margin grows without end as the price falls.
    if final < twin - 1e-9 and row["heeds_response"] and row["discount_response"] is not None and final > 0:
        cost, elasticity = row["unit_cost"] or 0.0, row["discount_response"]
        assert (final - cost) * (final / market) ** elasticity >= (market - cost) - 1e-6
    # Further from the last price than the largest step only where list price or floor ask for it.
    last = row["last_price"]
    if last is not None and abs(final - last) > row["max_step"] * last + 1e-6:
        assert final == pytest.approx(row["list_price"]) or final == pytest.approx(row["price_floor"])

    assert row["is_personalised"] == (row["personal_price"] != row["non_personal_price"])
    assert (row["disclosure"] is not None) == row["is_personalised"]
    if row["user_id"].startswith("refused"):
        assert row["personal_price"] == row["non_personal_price"]
    percent = row["announced_discount_percent"]
    if percent is not None:
        assert percent == int(100 * round(row["prior_price"] - row["personal_price"], 2) / row["prior_price"] + 1e-9)
    else:
        assert row["prior_price"] is None or row["personal_price"] >= row["prior_price"]


def keep_their_guarantees(
    products: list[dict[str, Any]], price_sql: dict[str, str], warehouse: duckdb.DuckDBPyConnection
) -> list[dict[str, Any]]:
    rows = prices_of(products, price_sql, warehouse)
    assert len(rows) == len(products) * len(USERS) * len(INTERESTS)
    ladder: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in rows:
        check(row)
        user, interest = row["user_id"].split()
        if row["k_share"] < 0:
            ladder.setdefault((row["product_id"], user), []).append((float(interest), row["personal_price"]))
    for steps in ladder.values():
        asked = [price for _, price in sorted(steps)]
        assert asked == sorted(asked), "more interest, deeper discount"
    return rows


@given(st.lists(PRODUCT, min_size=1, max_size=20))
@settings(max_examples=30, deadline=None)
def test_any_price_keeps_the_guarantees(
    price_sql: dict[str, str], warehouse: duckdb.DuckDBPyConnection, products: list[dict[str, Any]]
) -> None:
    keep_their_guarantees(products, price_sql, warehouse)


def test_usual_prices_keep_the_guarantees(price_sql: dict[str, str], warehouse: duckdb.DuckDBPyConnection) -> None:
    chance = random.Random(1)  # noqa: S311 -- no secret
    rows = keep_their_guarantees([usual_product(chance) for _ in range(300)], price_sql, warehouse)
    bound = {row["binding_guardrail"] for row in rows}
    assert bound == {None, "LIST_PRICE", "PRIOR_PRICE", "RESPONSE", "MARGIN_FLOOR", "MAX_DISCOUNT", "MAX_STEP"}


def test_a_product_of_which_nothing_is_known_costs_its_list_price(
    price_sql: dict[str, str], warehouse: duckdb.DuckDBPyConnection
) -> None:
    unknown = dict.fromkeys(("unit_cost", "last_price", "prior_price", "stock_on_hand", "competitor_price", "recent_units",
                             "discount_response"))  # fmt: skip
    known = {"list_price": 9.99, "usual_units": 0, "max_discount": 0.3, "min_margin": 0.0, "max_step": 0.1,
             "heeds_response": True, "ending": (0.1, 0.09)}  # fmt: skip
    rows = prices_of([{**unknown, **known, "k_share": -0.2}, {**unknown, **known, "k_share": 0.0}], price_sql, warehouse)
    for row in rows:
        assert (row["demand_factor"], row["stock_factor"], row["competitor_factor"]) == (1, 1, 1)
        assert row["market_price"] == row["non_personal_price"] == 9.99
        assert row["binding_guardrail"] is None or row["user_id"].startswith("hunter")
        assert row["announced_discount_percent"] is None
        if row["k_share"] == 0:
            assert row["personal_price"] == 9.99
