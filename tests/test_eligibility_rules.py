"""Each rule that keeps a user from a promotion, by the project's SQL: on either side of its limit, and where nothing is known."""

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from rendered_sql import PROJECT, SETTINGS, Renderer

POLICIES = {"max_offers_per_user": 3, "max_contacts_7d": 4, "refuse_unless_incremental": 1}

ALLOWED: dict[str, Any] = {
    # not limited at all
    "is_holdout": False,
    "is_campaign_holdout": False,
    "marketing_consent": True,
    "is_hidden": False,
    "is_risk_flagged": False,
    "has_begun": True,
    "is_over": False,
    "is_sent_to_some": False,
    "has_received": False,
    "life_cycle": "active",
    "life_cycles": None,
    "value_tier": "high_value",
    "value_tiers": None,
    "intent": "likely_buyer",
    "intents": None,
    "cluster_name": "singles",
    "clusters": None,
    "tier": None,
    "member_tiers": None,
    "days_from_birthday": None,
    "birthday_days": None,
    "churn_risk": None,
    "min_churn_risk": None,
    "mean_promo_effect": -1.0,
    "user_redemptions": 1,
    "per_user_limit": None,
    "user_redemptions_1d": 0,
    "per_user_day_limit": None,
    "user_redemptions_7d": 1,
    "per_user_week_limit": None,
    "user_redemptions_31d": 1,
    "per_user_month_limit": None,
    "contacts_7d": 3,
    "holds_offer": False,
    "holds_offer_of_group": False,
    "open_offers": 2,
    "redemptions": 0,
    "reserved_redemptions": 1,
    "max_redemptions": None,
    "budget": None,
    "budget_spent": 3.0,
    "budget_reserved": 2.0,
    "cost": 5.0,
    "redemption_score": 0.5,
    "needs_product": True,
    "margin_after_cost": 3.0,
    "is_below_floor": False,
    "incremental_margin": None,
}
"""A pair of considered_promotions, as far as rules read it, that fails none."""

AT_THE_LIMITS: dict[str, Any] = {
    # reached, not passed: the user's last use, the last of all, the last 5.00 of the budget, a cent of margin
    "is_sent_to_some": True,
    "has_received": True,
    "life_cycles": "new|active",
    "value_tiers": "high_value",
    "intents": "likely_buyer|potential_buyer",
    "clusters": "families|singles",
    "tier": "gold",
    "member_tiers": "gold|silver",
    "days_from_birthday": 3,
    "birthday_days": 3,
    "churn_risk": 0.5,
    "min_churn_risk": 0.5,
    "mean_promo_effect": 0.01,
    "per_user_limit": 2,
    "per_user_day_limit": 1,
    "per_user_week_limit": 2,
    "per_user_month_limit": 2,
    "max_redemptions": 2,
    "budget": 10.0,
    "margin_after_cost": 0.01,
    "incremental_margin": 0.01,
}

PAST_THE_LIMITS: dict[str, Any] = {
    "is_holdout": True,
    "is_campaign_holdout": True,
    "marketing_consent": False,
    "is_hidden": True,
    "is_risk_flagged": True,
    "has_begun": False,
    "is_over": True,
    "is_sent_to_some": True,
    "life_cycles": "new|lapsed",
    "tier": "silver",
    "member_tiers": "gold",
    "days_from_birthday": 4,
    "birthday_days": 3,
    "churn_risk": 0.49,
    "min_churn_risk": 0.5,
    "mean_promo_effect": 0.0,
    "per_user_limit": 1,
    "user_redemptions_1d": 1,
    "per_user_day_limit": 1,
    "user_redemptions_7d": 2,
    "per_user_week_limit": 2,
    "user_redemptions_31d": 3,
    "per_user_month_limit": 3,
    "contacts_7d": 4,
    "holds_offer_of_group": True,
    "open_offers": 3,
    "redemptions": 1,
    "max_redemptions": 2,
    "budget": 10.0,
    "budget_spent": 4.0,
    "budget_reserved": 1.01,
    "redemption_score": None,
    "margin_after_cost": 0.0,
    "incremental_margin": 0.0,
}

CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("no limits", {}, []),
    ("at the limits", AT_THE_LIMITS, []),
    (
        "past the limits",
        PAST_THE_LIMITS,
        [
            "HOLDOUT", "CAMPAIGN_HOLDOUT", "NO_CONSENT", "HIDDEN", "RISK_FLAG", "NOT_YET_VALID", "EXPIRED", "NOT_IN_CAMPAIGN",
            "NOT_IN_SEGMENT", "NOT_A_MEMBER", "NOT_BIRTHDAY", "WOULD_STAY", "NO_UPLIFT", "CAP_USER", "CAP_USER_DAY",
            "CAP_USER_WEEK", "CAP_USER_MONTH", "CONTACT_LIMIT", "EXCLUSIVE_GROUP", "OFFER_LIMIT", "CAP_REDEMPTIONS",
            "BUDGET_EXHAUSTED", "NO_MATCHING_PRODUCT", "MARGIN_FLOOR", "NOT_INCREMENTAL",
        ],
    ),
    ("holds it, and so one of its group", {"holds_offer": True, "holds_offer_of_group": True}, ["ALREADY_OWNED"]),
    # names that hold another's are not admitted in its stead
    ("a segment of a longer name", {"life_cycles": "inactive|active_once"}, ["NOT_IN_SEGMENT"]),
    ("another value tier", {"value_tiers": "low_value"}, ["NOT_IN_SEGMENT"]),
    ("another intent", {"intents": "unknown"}, ["NOT_IN_SEGMENT"]),
    ("another cluster", {"clusters": "families"}, ["NOT_IN_SEGMENT"]),
    ("no cluster", {"clusters": "families", "cluster_name": None}, ["NOT_IN_SEGMENT"]),
    ("no member", {"member_tiers": "gold"}, ["NOT_A_MEMBER"]),
    ("a birthday nobody knows", {"birthday_days": 3}, ["NOT_BIRTHDAY"]),
    ("a risk nobody knows", {"min_churn_risk": 0.5, "mean_promo_effect": None}, ["WOULD_STAY"]),
    ("an effect nobody knows", {"min_churn_risk": 0.5, "churn_risk": 0.5, "mean_promo_effect": None}, []),
    ("below the floor", {"is_below_floor": True}, ["MARGIN_FLOOR"]),
    ("nothing known of the user", {"redemption_score": None, "needs_product": False, "margin_after_cost": None}, ["NO_SCORE"]),
    ("no product of it matches", {"redemption_score": None, "margin_after_cost": None}, ["NO_MATCHING_PRODUCT"]),
    ("a product without a price", {"margin_after_cost": None}, ["MARGIN_FLOOR"]),
]  # fmt: skip


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(SETTINGS[0])


@pytest.fixture(scope="module")
def shop() -> Iterator[duckdb.DuckDBPyConnection]:
    """The shop's policies, and the codes of rules as the seed has them."""
    with duckdb.connect() as connection:
        connection.execute("create table policy_values (name varchar, value double)")
        connection.executemany("insert into policy_values values (?, ?)", list(POLICIES.items()))
        connection.execute(f"create table reject_codes as from '{PROJECT}/seeds/reject_codes.csv'")
        yield connection


def failed(connection: duckdb.DuckDBPyConnection, renderer: Renderer, pair: dict[str, Any]) -> list[str]:
    """The codes of the rules that the pair fails, by the bits that considered_promotions keeps of it and the seed's."""
    columns = ", ".join(f"${name} as {name}" for name in pair)
    bits = f"select {renderer.macro('failed_rule_bits')} as bits from (select {columns})"
    return [
        code
        for (code,) in connection.execute(
            f"select code from reject_codes, ({bits}) where reject_codes.bit & bits <> 0 order by reject_codes.bit", pair
        ).fetchall()
    ]


@pytest.mark.parametrize(("change", "codes"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_pair_fails_the_rules_it_breaks_and_no_other(
    shop: duckdb.DuckDBPyConnection, renderer: Renderer, change: dict[str, Any], codes: list[str]
) -> None:
    assert failed(shop, renderer, ALLOWED | change) == codes


def test_each_rule_is_broken_by_a_case(renderer: Renderer) -> None:
    assert {code for _, _, codes in CASES for code in codes} == set(renderer.macro("eligibility_rules"))
