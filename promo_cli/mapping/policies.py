"""Policies for a shop's own categories, prices and currency, as defaults that a person then edits.

The shipped seeds are those of the demo's grocery shop: its categories, and amounts that fit baskets of some 30 dollars.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

from promo_cli.currencies import WHOLE_UNITS

SENSITIVE = (
    r"\b(alcohol\w*|wines?|beers?|spirits|liquors?|tobacco\w*|cigar\w*|cigarettes?|vap(e|es|ing)|pharma\w*|medicines?|drugs|prescription"
    r"|infant formula|gift[ _-]?cards?|vouchers?|deposits?|postage|shipping|fees?"
    r"|donations?|tips?|lotter\w*|fuel|weapons?|knives)\b"
)
"""Categories that no promotion should touch before somebody has looked: by law in many places, or because they are no goods."""

POLICIES = ("pricing_policy.csv", "promotion_catalogue.csv")
"""The seeds that are written for a shop."""

MOST_CATEGORIES = 200

_PLAIN_BASKET = 30.0
"""Median basket that the amounts of the shipped catalogue fit, in its currency."""

# Promotions whose name tells an amount: the names for other amounts.
_NAMES = {
    "TEN_OFF": ("BASKET_OFF", "{off} off your next basket of {spend}"),
    "SPEND300": ("SPEND_SAVE", "Spend {spend} save {off}"),
    "COME_BACK": ("COME_BACK", "{off} off your next basket of {spend}"),
    "STAY": ("STAY", "{off} off your next basket of {spend}"),
    "NEW_YEAR_88": ("NEW_YEAR", "Spend {spend} save {off} for Chinese New Year"),
    "SINGLES_DAY11": ("SINGLES_DAY11", "11 % off your basket of {spend} on 11.11"),
    "BLACK_FRIDAY15": ("BLACK_FRIDAY15", "15 % off your basket of {spend} on Black Friday"),
}


@dataclass(frozen=True)
class ShopFigures:
    """What the policies rest on: categories by products, the most first; median price and basket, None where unknown."""

    categories: tuple[tuple[str, int], ...]
    price: float | None
    basket: float | None


def figures(connection: duckdb.DuckDBPyConnection, tables: dict[str, str]) -> ShopFigures:
    """Look at the contract's tables: `tables` is a select for each, as SQL that `connection` can run."""
    categories: list[tuple[str, int]] = []
    place = "products" if "products" in tables else "events"
    if place in tables and "category" in connection.sql(f"select * from ({tables[place]}) limit 0").columns:
        categories = connection.execute(
            f"select cast(category as varchar) as name, count(distinct product_id) as products from ({tables[place]}) "
            f"where trim(cast(category as varchar)) <> '' group by name order by products desc, name limit {MOST_CATEGORIES}"
        ).fetchall()
    price = basket = None
    if "order_lines" in tables:
        paid = "try_cast(paid_price as double)"
        price, basket = connection.execute(
            f"with paid as (select order_id, {paid} as price, try_cast(quantity as double) as quantity "
            f"from ({tables['order_lines']})), baskets as (select sum(price * quantity) as total from paid group by order_id) "
            "select median(price), (select median(total) from baskets) from paid"
        ).fetchall()[0]
    elif "events" in tables and "price" in connection.sql(f"select * from ({tables['events']}) limit 0").columns:
        price = connection.execute(
            f"select median(try_cast(price as double)) from ({tables['events']}) where event_type = 'purchase'"
        ).fetchall()[0][0]
        basket = price and 1.5 * price
    return ShopFigures(tuple((str(name), int(count)) for name, count in categories), price, basket)


def write_policies(seeds: Path, known: ShopFigures, currency: str | None) -> list[str]:
    """Writes pricing_policy.csv and promotion_catalogue.csv in the folder `seeds`; what was done, in sentences."""
    step, ending = _price_steps(known.price, currency)
    told = []
    header, rows = _read(seeds / "pricing_policy.csv")
    default = next(row for row in rows if row["category"] == "*") | {"price_step": step, "price_ending": ending}
    closed = next(row for row in rows if row["is_promotable"] == "false") | {
        "price_step": ending if ending != "0" else step,
        "price_ending": "0",
    }
    policy = [default]
    sensitive = []
    for category, _ in known.categories:
        if re.search(SENSITIVE, category.replace("_", " "), re.IGNORECASE):
            sensitive.append(category)
            policy.append(closed | {"category": category})
        else:
            policy.append(default | {"category": category})
    _write(seeds / "pricing_policy.csv", header, policy)
    told.append(
        f"seeds/pricing_policy.csv: {len(known.categories)} categories of your own, each with the row * to edit; "
        f"prices end in {ending} of {step}" + (f" {currency}" if currency else "")
    )
    if sensitive:
        told.append(
            f"seeds/pricing_policy.csv: no promotions for {', '.join(sensitive[:6])}, until you say otherwise (is_promotable)"
        )
    factor = (known.basket / _PLAIN_BASKET) if known.basket else 1.0
    header, rows = _read(seeds / "promotion_catalogue.csv")
    _write(seeds / "promotion_catalogue.csv", header, [_scaled(row, factor) for row in rows])
    told.append(
        f"seeds/promotion_catalogue.csv: amounts for a median basket of {known.basket:,.2f}{f' {currency}' if currency else ''}"
        if known.basket
        else "seeds/promotion_catalogue.csv: the shipped amounts, for no basket is known; look at them"
    )
    return told


def _price_steps(price: float | None, currency: str | None) -> tuple[str, str]:
    """Step and ending of prices: 0.10 and 0.09 for cheap goods, 1.00 and 0.99 for dearer ones, whole units without cents."""
    if currency in WHOLE_UNITS:
        return ("10", "0") if price is None or price < 20_000 else ("100", "0")
    return ("0.10", "0.09") if price is None or price < 10 else ("1.00", "0.99")


def _scaled(row: dict[str, str], factor: float) -> dict[str, str]:
    amounts = {name: _round(float(row[name]) * factor) for name in ("amount_off", "min_spend", "budget") if row[name]}
    scaled = row | {name: f"{amount:.2f}" for name, amount in amounts.items()}
    if row["promotion_id"] in _NAMES and factor != 1:
        promotion_id, name = _NAMES[row["promotion_id"]]
        told = {
            word: f"{amounts[column]:g}" for word, column in (("off", "amount_off"), ("spend", "min_spend")) if column in amounts
        }
        scaled |= {"promotion_id": promotion_id, "promotion_name": name.format(**told)}
    return scaled


def _round(amount: float) -> float:
    """To an amount that a poster would bear: 1, 1.5, 2, 2.5, 3, 4, 5, 6, 7.5, 8 times a power of ten; no less than 0.01."""
    if amount <= 0:
        return 0.0
    power = 1.0
    while amount / power >= 10:
        power *= 10
    while amount / power < 1 and power > 0.011:
        power /= 10
    return round(min((1, 1.5, 2, 2.5, 3, 4, 5, 6, 7.5, 8, 10), key=lambda nice: abs(nice - amount / power)) * power, 2)


def _read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
        return list(reader.fieldnames or []), rows


def _write(path: Path, header: list[str], rows: list[dict[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
