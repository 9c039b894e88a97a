"""Demand response: planted responses to own and rivals' prices are found, and later weeks foreseen better than without them."""

import os
from datetime import date
from pathlib import Path

import pytest
from demand_forecast import ORANGE_JUICE, forecast

REAL = Path(os.environ.get("ORANGE_JUICE", Path(__file__).resolve().parents[2] / "shared/data/orange_juice_prices.parquet"))
UNIFORM = "((hash({}) % 1000003 + 0.5) / 1000003.0)"
NORMAL = f"(sqrt(-2 * ln({UNIFORM.format('{0}')})) * cos(2 * pi() * {UNIFORM.format('{0} + 77')}))"

# Brands with planted responses to the own price, rivals' prices, being in the mailer; sold in 12 stores for 60 weeks.
PLANTED = {"loyal": (-1.2, 0.4, 0.5), "fickle": (-3.0, 2.0, 1.0), "alone": (-2.0, 0.0, 0.0)}
WEEKS = f"""
    with weeks as (
        select
            brand, own, rival, mailer, store, week, hash(brand || ' ' || store || ' ' || week) as h,
            exp(0.25 * {NORMAL.format("hash(brand || ' price ' || store || ' ' || week)")}) as price,
            exp(0.25 * {NORMAL.format("hash(brand || ' rival ' || week)")}) as rival_price,
            hash(brand || week) % 5 = 0 as is_in_mailer
        from (values {", ".join(f"('{name}', {own}, {rival}, {mailer})" for name, (own, rival, mailer) in PLANTED.items())})
            as brands(brand, own, rival, mailer), range(12) as stores(store), range(60) as weeks(week)
    )
    select
        brand || ' in ' || store as product_id, brand as category, store,
        date '2023-01-02' + cast(7 * week as integer) as week_start,
        exp(3 + store / 10.0 + own * ln(price) + rival * ln(rival_price) + case when is_in_mailer then mailer else 0 end
            + 0.2 * {NORMAL.format("h")}) as units,
        price as net_price, price as regular_price,
        -- nobody looked at the rivals in every tenth week
        case when h % 10 > 0 then rival_price end as competitor_price,
        case when is_in_mailer then exp(1) - 1 else 0 end as mailer_stores, 0 as display_stores
    from weeks
"""


def test_planted_responses_are_found_and_foresee_later_weeks() -> None:
    found = forecast(WEEKS, date(2023, 11, 6))
    for brand, (own, rival, mailer) in PLANTED.items():
        response = found.responses[brand]
        assert response["price"] == pytest.approx(own, abs=0.15)
        assert response["rival"] == pytest.approx(rival, abs=0.2)
        assert response["mailer"] == pytest.approx(mailer, abs=0.15)
        assert response["display"] is None
    assert found.gain("own price", "fickle")[1] > 0.1
    assert found.gain("last week", "fickle")[1] > 0.1
    assert abs(found.gain("own price", "alone")[0]) < 0.03  # rivals that nobody heeds don't make it worse


def test_without_competitors_the_own_price_alone_is_answered_to() -> None:
    found = forecast(f"select * replace (null::double as competitor_price) from ({WEEKS})", date(2023, 11, 6))
    assert {response["rival"] for response in found.responses.values()} == {None}
    assert all((response["price"] or 0) < 0 for response in found.responses.values())


@pytest.mark.skipif(not REAL.exists(), reason="Dominick's orange juice isn't there; the variable ORANGE_JUICE says where it is")
def test_orange_juice_of_later_weeks_is_foreseen() -> None:
    found = forecast(ORANGE_JUICE.format(path=REAL), date(1992, 3, 5))  # week 130
    assert len(found.responses) == 11
    assert all((response["price"] or 0) < 0 for response in found.responses.values())
    assert found.gain("own price")[1] > 0
    assert found.gain("last week")[1] > 0
