"""What baskets pay under the offers of their users: worked cases, properties, and plain Python held against the project's SQL."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

import duckdb
import pytest
from basket_cases import CAKE, POTS, SPEND, TEN, WORKED, money
from basket_oracle import answer
from basket_shop import MODELS, Basket, Line, Quotes, make_baskets, open_shop, quote
from compiled_sql import compiled_models
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

Quote = Callable[[list[Basket]], Quotes]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quote]:
    """Quotes baskets by the compiled models, in memory."""
    statements = compiled_models(MODELS, tmp_path_factory.mktemp("compiled"))
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        open_shop(connection)
        yield lambda baskets: quote(connection, statements, baskets)


@pytest.fixture(scope="module")
def worked(run: Quote) -> Quotes:
    return run([Basket(name, tuple(lines), tuple(offers)) for name, (lines, offers, _, _) in WORKED.items()])


@pytest.mark.parametrize("name", WORKED)
def test_worked_case(name: str, worked: Quotes) -> None:
    _, _, paid, promotions = WORKED[name]
    found = {key: (row["code"], str(row["discount"])) for key, row in worked.promotions[name].items()}
    assert found == promotions
    assert str(worked.totals[name]["paid"]) == paid


def test_reasons_are_told_with_their_numbers(worked: Quotes) -> None:
    refused = worked.promotions["a flash item takes the order below 300"]["SPEND300"]
    assert refused["reason"].endswith("after item promotions. That is 280.00 of 300.00.")
    assert worked.promotions["points change no price"]["DOUBLE"]["reason"].endswith("Points on 290.00 are multiplied by 2.00.")


def test_an_amount_falls_to_lines_by_what_is_left_above_their_floors(run: Quote) -> None:
    # rooms of 3.65 (cake), 58.00 (tea) and 10.00 (sticker); 10.00 × room / 71.65 = 1.0677, 8.0949, 1.3957 with 7.65 of the cake
    lines = (CAKE, Line("tea", Decimal(10)), Line("sticker"))
    quotes = run([Basket("b", lines, (TEN,))])
    assert [str(row["coupon_discount"]) for row in quotes.lines["b"]] == ["1.01", "7.67", "1.32"]


def test_a_line_without_any_price_is_told_and_left_out(run: Quote) -> None:
    quotes = run([Basket("b", (Line("unheard of"), CAKE))])
    assert (quotes.totals["b"]["unpriced_lines"], str(quotes.totals["b"]["paid"])) == (1, "25.50")
    assert quotes.lines["b"][0]["paid"] is None


def test_a_mistyped_quantity_leaves_the_other_baskets_alone(run: Quote) -> None:
    huge = Basket(
        "huge", (Line("pot", Decimal(1_000_000)), Line("pot", Decimal(1_000_000), money("9999999999999999.99"))), (TEN, SPEND)
    )
    quotes = run([huge, Basket("b", (POTS,), (TEN,))])
    assert str(quotes.totals["b"]["paid"]) == "290.00"
    assert quotes.totals["huge"]["unpriced_lines"] == 1


@settings(max_examples=3, deadline=None, phases=[Phase.explicit, Phase.generate])  # a smaller seed is no smaller basket
@given(seed=st.integers(0, 2**32 - 1))
def test_baskets_hold_what_is_promised(run: Quote, seed: int) -> None:
    """600 baskets and three rewritings of each a seed."""
    baskets = make_baskets(seed, 600)
    draw = random.Random(seed)  # noqa: S311 -- test data
    splits = [basket.with_lines(_split(basket.lines, draw), "/split") for basket in baskets]
    renamed = [_renamed(basket) for basket in baskets]
    entered = [_entered(basket) for basket in baskets]
    quotes = run([*baskets, *splits, *renamed, *entered])
    for basket in baskets:
        total = quotes.totals[basket.basket_id]
        assert 0 <= total["price_floor"] <= total["paid"] <= total["amount"]
        _adds_up(quotes, basket.basket_id)
        expected = answer(basket)
        found = quotes.promotions[basket.basket_id]
        assert total["paid"] * 100 == expected.paid, basket
        assert total["price_floor"] * 100 == expected.floor, basket
        assert {key: row["discount"] * 100 for key, row in found.items()} == expected.discounts, basket
        assert {key: row["code"].removesuffix("_TO_FLOOR") for key, row in found.items()} == expected.codes, basket
        for variant in ("/split", "/renamed", "/entered"):
            _adds_up(quotes, basket.basket_id + variant)
            assert quotes.totals[basket.basket_id + variant]["paid"] == total["paid"], (basket, variant)
        for promotion_id, row in found.items():
            assert row["discount"] <= (row["amount_off"] or total["amount"])
            assert quotes.promotions[basket.basket_id + "/entered"][promotion_id]["discount"] == row["discount"]


def _adds_up(quotes: Quotes, basket_id: str) -> None:
    total, lines = quotes.totals[basket_id], quotes.lines[basket_id]
    assert all(0 <= line["price_floor"] <= line["paid"] <= line["amount"] for line in lines), basket_id
    for column in ("amount", "item_discount", "threshold_discount", "coupon_discount", "discount", "paid", "price_floor"):
        assert sum(line[column] for line in lines) == total[column]
    by_step = dict.fromkeys(("item", "threshold", "coupon", "points"), Decimal(0))
    for row in quotes.promotions[basket_id].values():
        by_step[row["step"]] += row["discount"]
    assert by_step["points"] == 0
    assert {step: by_step[step] for step in ("item", "threshold", "coupon")} == {
        step: total[f"{step}_discount"] for step in ("item", "threshold", "coupon")
    }, basket_id


def _split(lines: tuple[Line, ...], draw: random.Random) -> list[Line]:
    """Each line in two, in another order."""
    parts = []
    for line in lines:
        first = line.quantity * draw.randint(0, 1000) // 1 / 1000
        parts += [replace(line, quantity=first), replace(line, quantity=line.quantity - first)]
    draw.shuffle(parts)
    return parts


def _renamed(basket: Basket) -> Basket:
    """The same offers in the other order, also of their names."""
    names = [offer.promotion_id for offer in basket.offers]
    offers = [replace(offer, promotion_id=name + "/r") for offer, name in zip(basket.offers, reversed(names), strict=True)]
    return basket.with_offers(offers[::-1], "/renamed")


def _entered(basket: Basket) -> Basket:
    """Every coupon typed in, twice."""
    codes = "|".join([offer.promotion_id for offer in basket.offers] * 2)
    return basket.with_lines([replace(line, coupon_ids=codes or None) for line in basket.lines], "/entered")
