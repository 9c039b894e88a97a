"""audits.compliance: a planted violation of each rule is found, with its key; a sound day has none."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from rendered_sql import PROJECT, SETTINGS, Renderer, define_engine_macros
from test_contract import DOCUMENTED, MODELS

COMPLIANCE = PROJECT / "models/audits/compliance"
USER_SCORES: list[str] = Renderer(SETTINGS[0]).macro("user_scores")
RISK_CONTROL = {"risk_anomaly", "risk_rule_hits", "risk_scores"}
ABOUT_NOBODY = {"score_fairness_sums"}

# A sound day: `all` agreed to everything, `none` to nothing and is flagged by no rule, `control` gets no promotion.
SOUND = """
create table as_of_dates as select date '2024-03-01' as as_of_date, date '2024-03-01' as data_until;
create table policy_values as from (values ('max_contacts_7d', 3.0), ('max_offers_per_user', 3.0)) as v (name, value);
create table compliance_rules as from read_csv('{seeds}/compliance_rules.csv');

create table user_permissions (
    as_of_date date, user_id varchar, marketing_consent boolean, personalisation_consent boolean, is_holdout boolean
);
insert into user_permissions values
    ('2024-03-01', 'all', true, true, false), ('2024-03-01', 'none', false, false, false),
    ('2024-03-01', 'control', true, true, true);

create table risk_scores (as_of_date date, user_id varchar, points double, is_flagged boolean, override_verdict varchar);
insert into risk_scores values ('2024-03-01', 'all', 0, false, null), ('2024-03-01', 'control', 0.5, false, null);
create table risk_anomaly (user_id varchar);
insert into risk_anomaly values ('all'), ('none');
create table risk_rule_hits (user_id varchar);
insert into risk_rule_hits values ('none');

create table dynamic_prices (
    user_id varchar, product_id varchar, list_price decimal(18, 2), personal_price decimal(18, 2),
    non_personal_price decimal(18, 2), disclosure varchar, prior_price decimal(18, 2), announced_discount_percent integer
);
insert into dynamic_prices values
    ('all', 'tea', 10, 8, 9, 'This price is personal.', 9, 11), ('none', 'tea', 10, 9, 9, null, 9, null);
create table product_prior_prices (
    as_of_date date, product_id varchar, reduction_began_on date, prior_price_days integer
);
insert into product_prior_prices values ('2024-03-01', 'tea', '2024-02-20', 30);
create table product_price_days (product_id varchar, price_date date, lowest_price decimal(18, 2));
insert into product_price_days values
    ('tea', '2024-01-10', 5), ('tea', '2024-01-21', 9), ('tea', '2024-02-19', 9), ('tea', '2024-02-20', 6);
create table stg_price_history (product_id varchar);

create table recommendations (user_id varchar, product_id varchar, recommendation_source varchar);
insert into recommendations values ('all', 'tea', 'buy_again'), ('none', 'tea', 'best_seller');

create table promotion_terms (
    as_of_date date, promotion_id varchar, budget_id varchar, budget decimal(18, 2), budget_spent decimal(18, 2),
    max_redemptions integer, redemptions integer
);
insert into promotion_terms values
    ('2024-03-01', 'ten', 'purse', 30, 5, 4, 1), ('2024-03-01', 'five', 'purse', 30, 5, null, 0),
    ('2024-03-01', 'free', null, null, 0, null, 0);
create table offers (
    as_of_date date, offer_id varchar, user_id varchar, promotion_id varchar, campaign_id varchar, reserved_budget decimal(18, 2)
);
insert into offers values
    ('2024-03-01', 'o1', 'all', 'ten', 'c1', 10), ('2024-03-01', 'o2', 'all', 'five', 'c1', 5),
    ('2024-02-28', 'old', 'control', 'ten', 'c1', 10);
create table reservations (user_id varchar, promotion_id varchar, reserved_budget decimal(18, 2));
insert into reservations values ('control', 'ten', 10);
create table user_contacts (user_id varchar, contacts_7d integer);
insert into user_contacts values ('all', 2), ('control', 7);
create table campaign_audience (as_of_date date, campaign_id varchar, user_id varchar);
insert into campaign_audience values ('2024-03-01', 'c1', 'all');
create table considered_promotions (
    user_id varchar, promotion_id varchar, is_campaign_holdout boolean, user_redemptions integer, user_redemptions_1d integer,
    user_redemptions_7d integer, user_redemptions_31d integer, per_user_limit integer, per_user_day_limit integer,
    per_user_week_limit integer, per_user_month_limit integer
);
insert into considered_promotions values
    ('all', 'ten', false, 1, 0, 0, 1, 2, 1, 1, 2), ('all', 'five', false, 9, 9, 9, 9, null, null, null, null),
    ('control', 'ten', true, 9, 9, 9, 9, 1, 1, 1, 1);
"""

PLANTED: dict[str, str] = {
    # what is done: the rule it breaks, the relation, the key
    "update dynamic_prices set prior_price = null, disclosure = 'x' where user_id = 'all'":
        "PRIOR_PRICE dynamic_prices all / tea",
    "update dynamic_prices set prior_price = 8 where user_id = 'all'": "PRIOR_PRICE dynamic_prices all / tea",
    "update dynamic_prices set prior_price = 8, announced_discount_percent = null": "PRIOR_PRICE dynamic_prices all / tea",
    "update dynamic_prices set announced_discount_percent = 12": "PRIOR_PRICE dynamic_prices all / tea",
    "insert into product_price_days values ('tea', '2024-02-19', 8.99)": "PRIOR_PRICE dynamic_prices all / tea",
    # a price that is paid holds for a week, one that is recorded until the next: both into the 30 days from 21 January on
    "update product_price_days set price_date = '2024-01-14' where lowest_price = 5; "
    "delete from product_price_days where price_date = '2024-01-21'": "PRIOR_PRICE dynamic_prices all / tea",
    "insert into stg_price_history values ('tea'); delete from product_price_days where price_date = '2024-01-21'":
        "PRIOR_PRICE dynamic_prices all / tea",
    "update dynamic_prices set disclosure = null": "DISCLOSURE dynamic_prices all / tea",
    "update dynamic_prices set disclosure = ' '": "DISCLOSURE dynamic_prices all / tea",
    "update dynamic_prices set list_price = 8.99 where user_id = 'all'": "LIST_PRICE dynamic_prices all / tea",
    "update dynamic_prices set non_personal_price = null where user_id = 'all'": "NON_PERSONAL_TWIN dynamic_prices all / tea",
    "update dynamic_prices set personal_price = 8.5, disclosure = 'x' where user_id = 'none'":
        "NO_PERSONAL_PRICE dynamic_prices none / tea",
    "insert into dynamic_prices values ('stranger', 'tea', 10, 8, 9, 'x', 9, null)":
        "NO_PERSONAL_PRICE dynamic_prices stranger / tea",
    "update recommendations set recommendation_source = 'buy_again'": "NO_PERSONAL_RECOMMENDATION recommendations none / tea",
    "insert into interest_scores values ('none')": "NO_PROFILE interest_scores none",
    "insert into risk_scores values ('2024-03-01', 'none', 0, false, null)": "NO_PROFILE risk_scores none",
    "delete from risk_rule_hits": "NO_PROFILE risk_anomaly none",
    "update offers set user_id = 'none' where offer_id = 'o2'": "MARKETING_CONSENT offers o2",
    "insert into campaign_audience values ('2024-03-01', 'c1', 'none')": "MARKETING_CONSENT campaign_audience c1 / none",
    "update user_permissions set is_holdout = true where user_id = 'all'": "HOLDOUT offers o1",
    "insert into campaign_audience values ('2024-03-01', 'c1', 'control')": "HOLDOUT campaign_audience c1 / control",
    "update considered_promotions set is_campaign_holdout = true where promotion_id = 'ten'": "CAMPAIGN_HOLDOUT offers o1",
    "update risk_scores set is_flagged = true where user_id = 'all'": "RISK_FLAG offers o1",
    "update offers set campaign_id = 'c2' where offer_id = 'o2'": "CONTACT_FREQUENCY offers all",
    "insert into reservations select 'all', 'free', 0 from range(2)": "OPEN_OFFERS offers all",
    "update considered_promotions set per_user_limit = 1": "USER_LIMITS offers o1",
    "update considered_promotions set user_redemptions_1d = 1": "USER_LIMITS offers o1",
    "update considered_promotions set user_redemptions_7d = 1": "USER_LIMITS offers o1",
    "update considered_promotions set user_redemptions_31d = 2": "USER_LIMITS offers o1",
    "update offers set reserved_budget = 5.01 where offer_id = 'o2'": "BUDGET promotion_terms purse",
    "update promotion_terms set redemptions = 3": "MAX_REDEMPTIONS promotion_terms ten",
}  # fmt: skip


@pytest.fixture(scope="module")
def sql() -> dict[str, str]:
    renderer = Renderer(SETTINGS[0])
    return {name: renderer.model(COMPLIANCE / f"{name}.sql")[0] for name in ("compliance_violations", "compliance")}


@pytest.fixture
def sound_day() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        define_engine_macros(connection)
        connection.execute(SOUND.format(seeds=PROJECT / "seeds"))
        for table in USER_SCORES:
            connection.execute(f"create table {table} (user_id varchar)")
            connection.execute(f"insert into {table} values ('all')")
        yield connection


def found(connection: duckdb.DuckDBPyConnection, sql: dict[str, str]) -> list[tuple[Any, ...]]:
    return connection.execute(
        f"select rule, relation, row_key from ({sql['compliance_violations']}) order by all"
    ).fetchall()  # fmt: skip


def test_a_sound_day_breaks_no_rule(sound_day: duckdb.DuckDBPyConnection, sql: dict[str, str]) -> None:
    assert found(sound_day, sql) == []


def test_a_history_of_other_products_lets_no_paid_price_hold_longer(
    sound_day: duckdb.DuckDBPyConnection, sql: dict[str, str]
) -> None:
    sound_day.execute("insert into stg_price_history values ('coffee')")
    sound_day.execute("delete from product_price_days where price_date = '2024-01-21'")
    assert found(sound_day, sql) == []


def test_uses_beyond_a_budget_are_no_violation_where_nothing_is_offered(
    sound_day: duckdb.DuckDBPyConnection, sql: dict[str, str]
) -> None:
    """Uses without an offer, or dearer than what was set aside, must not stop builds until open offers end."""
    sound_day.execute("update promotion_terms set budget_spent = 29, redemptions = 9")
    assert {row[0] for row in found(sound_day, sql)} == {"BUDGET", "MAX_REDEMPTIONS"}
    sound_day.execute("delete from offers where as_of_date = '2024-03-01'")
    assert found(sound_day, sql) == []


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_violation_is_found(sound_day: duckdb.DuckDBPyConnection, sql: dict[str, str], planted: str) -> None:
    sound_day.execute(planted)
    rule, relation, key = PLANTED[planted].split(" ", 2)
    schema = "scores" if relation in {*USER_SCORES, *RISK_CONTROL} else "promotions"
    rows = found(sound_day, sql)
    assert (rule, f"{schema}.{relation}", key) in rows
    # who gets an offer without consent is seen with the offer, however many rules that breaks
    others = {"MARKETING_CONSENT", "HOLDOUT", "RISK_FLAG", "LIST_PRICE", "PRIOR_PRICE"}
    assert {row[0] for row in rows} - others <= {rule}


def test_every_rule_has_a_planted_violation_and_is_counted(sound_day: duckdb.DuckDBPyConnection, sql: dict[str, str]) -> None:
    rules = {rule for (rule,) in sound_day.execute("select rule from compliance_rules").fetchall()}
    assert rules == {broken.split()[0] for broken in PLANTED.values()}
    for planted in PLANTED:
        sound_day.execute(planted)
    sound_day.execute(f"create table compliance_violations as {sql['compliance_violations']}")
    counted = dict(sound_day.execute(f"select rule, violations from ({sql['compliance']})").fetchall())
    assert set(counted) == rules
    told = dict(sound_day.execute("select rule, count(*) from compliance_violations group by rule").fetchall())
    assert {rule: count for rule, count in counted.items() if count} == told


def test_every_score_of_a_user_is_looked_at() -> None:
    """A new score model keyed by user joins macros/user_scores.sql, or says why not."""
    keyed = {
        name
        for name, path in MODELS.items()
        if path.parent.name == "scores" and any(column["name"] == "user_id" for column in DOCUMENTED[name]["columns"])
    }
    assert keyed - RISK_CONTROL == set(USER_SCORES)
    assert not keyed & ABOUT_NOBODY


def test_a_broken_rule_fails_the_build_with_a_sentence() -> None:
    broken = [("HOLDOUT", "The control group gets none.", 2, "promotions.offers o1 user u"), ("BUDGET", "b", 1, "c")]

    class Broken(Renderer):
        def _dbt_context(self) -> dict[str, Any]:
            return super()._dbt_context() | {"run_query": lambda sql: SimpleNamespace(rows=broken)}

    with pytest.raises(AssertionError) as refused:
        Broken(SETTINGS[0])._macros["keeps_rules"]("compliance")
    assert str(refused.value) == (
        "the rule HOLDOUT is broken 2 times: The control group gets none. One of them: promotions.offers o1 user u "
        "(and 1 more rules in audits.compliance)"
    )
