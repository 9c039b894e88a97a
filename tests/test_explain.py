"""`promo explain`: what an agent reads of one user, in words and as JSON, from a database made by hand."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from rendered_sql import SETTINGS, Renderer

from promo_cli.explanation_text import tell
from promo_cli.phrases import filled, told_money, told_number, told_reason, told_refusal

Promo = Callable[..., tuple[int, str, str]]

BUILT = """
create schema staging; create schema features; create schema policies; create schema promotions; create schema audits;
create schema scores;
create table promotions.shop_settings as
    from (values ('currency', 'EUR'), ('shop_timezone', 'America/New_York')) as settings (setting, value);
create table staging.as_of_dates as select date '2024-03-01' as as_of_date, date '2024-03-01' as data_until;
create table audits.builds as
    select 'b1b2c3d4-e5' as build_id, date '2024-03-01' as as_of_date, 'abcdef0123456789' as policy_version,
        ['interest 0123456789ab'] as models, '0.1.0' as offerhouse_version, timestamp '2024-03-01 05:00:00' as finished_at,
        'build' as command, 'passed' as outcome, true as is_complete;
create table audits.model_registry as select 'interest' as model_name, 'fedcba987654' as model_version, 'f' as sha256;
create table features.user_permissions as
    from (values ('anna', true, true, false), ('ben', false, true, false), ('cem', true, false, true))
        as users (user_id, personalisation_consent, marketing_consent, is_holdout)
    select *, date '2024-03-01' as as_of_date, true as ads_consent;
create table promotions.user_segments as
    select 'anna' as user_id, 'active' as life_cycle, 'high_value' as value_tier, 'likely_buyer' as intent, null as cluster_name;
create table promotions.offers as
    from (values
        ('o1', date '2024-03-01', 'anna', 'TEN', '10 off', 'p1', 2),
        ('o2', date '2024-03-01', 'anna', 'NEW', 'A new one', null, 1),
        ('o0', date '2024-01-01', 'anna', 'OLD', 'Long ago', 'p1', 1))
        as offers (offer_id, as_of_date, user_id, promotion_id, promotion_name, product_id, user_rank)
    select *, 'coupon' as kind, 'c' as campaign_id, 10.00::decimal(18, 2) as face_value,
        case user_rank when 2 then 60.00::decimal(18, 2) end as min_spend, as_of_date::timestamp as valid_from,
        as_of_date + interval 7 days as valid_to, 0.755::float as redemption_score, 1.5::double as expected_margin,
        'Ranked ' || user_rank || '.' as reason;
create view promotions.open_offers as
    select offer_id, user_id from promotions.offers where valid_to > timestamp '2024-03-01';
create table promotions.offer_reasons as
    from (values
        (1, 'en', 'up', 'Bought it on 4 days, which raises the chance.'),
        (2, 'en', 'down', 'Bought nothing of late, which lowers the chance.'),
        (1, 'zh', 'up', '有 4 天购买过它，提高了可能性。'))
        as reasons (reason_rank, language, direction, reason)
    select *, 'anna' as user_id, 'o1' as offer_id, 'offered' as decision, 'interest' as score_name, 'p1' as item_id,
        'own_days' as feature, 0.5::float as contribution, 'exact' as method;
create table promotions.considered_promotions as
    from (values
        ('SPEND', 'Spend 300', 30, false), ('WAIT', 'Later', 20, false), ('SHOP', 'Ours', 1, false), ('GONE', 'Gone', 1, true))
        as considered (promotion_id, promotion_name, priority, is_over)
    select *, 'anna' as user_id, 'coupon' as kind, 'c' as campaign_id, null::varchar as product_id,
        5.00::decimal(18, 2) as face_value, timestamp '2024-02-20' as valid_to;
create table promotions.refusals as
    from (values
        ('SPEND', 1, 'NOT_IN_SEGMENT', 'NOT_IN_SEGMENT/value_tier', 'user', 'money', 50.0, 62.3, 12.3, null::date, null, 'high'),
        ('WAIT', 1, 'NOT_YET_VALID', 'NOT_YET_VALID', 'time', 'number', null, null, null, date '2024-12-03', null, null),
        ('SHOP', 1, 'HOLDOUT', 'HOLDOUT', 'shop', 'number', 5.0, 3.12, -1.88, null, null, null),
        ('SHOP', 2, 'BUDGET_EXHAUSTED', 'BUDGET_EXHAUSTED', 'shop', 'money', 100.0, 120.0, 20.0, null, null, null))
        as refusals (promotion_id, refusal_rank, code, change_code, brought_by, unit, standing, has_to_be, lacks, changes_on,
            now_words, needed_words)
    select * replace (standing::double as standing, has_to_be::double as has_to_be, lacks::double as lacks),
        date '2024-03-01' as as_of_date, 'anna' as user_id, 'eligibility' as decided_by;
create table policies.reject_codes as
    from (values
        ('NOT_IN_SEGMENT', 'It is for others.'), ('NOT_YET_VALID', 'It has not begun.'), ('HOLDOUT', 'In the control group.'),
        ('BUDGET_EXHAUSTED', 'The budget is spent.')) as codes (code, sentence);
create table policies.refusal_phrases as
    from (values
        ('NOT_IN_SEGMENT', 'refusal', null, '面向其他用户。'),
        ('NOT_IN_SEGMENT/value_tier', 'change', 'The user spends {lacks} more.', '用户再消费 {lacks}。'),
        ('NOT_YET_VALID', 'change', 'It is {date} or later.', '到 {date}。'),
        ('HOLDOUT', 'change', 'The group is less than {needed} %; it is {now} %.', null),
        ('BUDGET_EXHAUSTED', 'change', 'The budget is {lacks} larger.', '预算增加 {lacks}。')) as phrases (code, about, en, zh);
create table staging.stg_products as
    from (values ('p1', 'Green tea', 'TEA', true), ('p2', 'Black tea', 'TEA', true), ('p3', 'Cigars', 'TOBACCO', true),
        ('p4', 'Bread', 'BAKERY', true), ('p5', 'Bread', 'BAKERY', true))
        as products (product_id, product_name, category, is_active)
    select *, 3.50::decimal(18, 2) as list_price;
create table features.product_policy as select product_id, product_id <> 'p3' as is_promotable from staging.stg_products;
create table promotions.market_prices as
    select product_id, 3.40::double as market_price, list_price from staging.stg_products where product_id <> 'p3';
create table promotions.considered_products as select 'anna' as user_id, 'p1' as product_id;
create table promotions.dynamic_prices as
    from (values ('anna', 'p1', 2.99, 3.39, true, 'MARGIN_FLOOR'), ('ben', 'p1', 3.39, 3.39, false, null))
        as prices (user_id, product_id, personal_price, non_personal_price, is_personalised, binding_guardrail)
    select *, 'TEA' as category, 3.50::decimal(18, 2) as list_price, 3.40::double as market_price, 1.0::double as demand_factor,
        1.0::double as stock_factor, 1.0::double as competitor_factor, 0.25::float as interest, 0.5::double as relative_interest,
        1.0::double as price_sensitivity, 2.9::double as formula_price, 2.5::double as price_floor,
        case when is_personalised then 'Set by a computer.' end as disclosure, 3.30::decimal(18, 2) as prior_price,
        null::date as reduction_began_on, case when is_personalised then 9 end as announced_discount_percent,
        'List price 3.50.' as reason;
create table promotions.recommendations as
    from (values ('anna', 1, 'p1', 'Green tea', 'Bought often.'), ('ben', 1, 'p1', 'Green tea', 'A best seller of the shop.'))
        as found (user_id, recommendation_rank, product_id, product_name, reason)
    select *, 'TEA' as category, 'popular' as recommendation_source, 0.25::float as interest;
create table promotions.score_reasons as
    from (values
        ('purchase_intent', '', 1, 'visit_days', 4.0, 0.8), ('purchase_intent', '', 2, 'recency', null, -0.3),
        ('interest', 'p1', 1, 'own_days', 4.0, 0.9), ('promo_effect', 'p1', 1, 'treatment', null, 0.05))
        as reasons (score_name, item_id, reason_rank, feature, feature_value, contribution)
    select * replace (feature_value::double as feature_value, contribution::double as contribution),
        'anna' as user_id, date '2024-03-01' as as_of_date,
        case when contribution > 0 then 'up' else 'down' end as direction,
        0.62::float as score, -0.1::float as base_value, case score_name when 'promo_effect' then 'difference' else 'log_odds' end
        as scale, true as is_exact, 'exact' as method, 'interest' as model_name, '0123456789ab' as model_version;
create table promotions.reason_words as
    from (values
        ('purchase_intent', 'visit_days', 'up', 'en', 'Bought on {days}.'),
        ('purchase_intent', 'visit_days', 'up', 'zh', '购买 {value} 天。'),
        ('purchase_intent', 'recency', 'down_unknown', 'en', 'Has not bought.'),
        ('interest', 'own_days', 'up', 'en', 'Bought it on {days}.'))
        as words (score, feature, direction, language, sentence);
create table features.user_data_used as
    from (values ('anna', 'order_lines', 1234, date '2024-02-29'), ('ben', 'order_lines', 2, date '2024-01-02'))
        as used (user_id, table_name, row_count, last_on)
    select *, date '2023-01-01' as first_on;
create table features.score_inputs as select 'interest' as score, 'own_days' as feature, 1 as from_end, false as is_protected;
create table features.user_product_features (as_of_date date, user_id varchar, product_id varchar, features float[]);
create table scores.promo_effect_inputs (as_of_date date, user_id varchar, product_id varchar, features float[]);
create table scores.interest_scores
    (user_id varchar, product_id varchar, interest float, model_name varchar, model_version varchar);
create table scores.promo_effect_scores
    (user_id varchar, product_id varchar, promo_effect float, model_name varchar, model_version varchar);
insert into features.user_product_features values ('2024-03-01', 'anna', 'p4', [1]);
insert into scores.interest_scores values ('anna', 'p4', 0.5, 'interest', 'of old'), ('anna', 'p5', 0.5, 'interest', 'of old');
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explained") / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(BUILT)
    return path


def test_an_agent_reads_it_aloud(promo: Promo, database: Path) -> None:
    code, out, err = promo("explain", "anna", "--database", database, "-q")
    assert (code, err) == (0, "")
    assert out == (
        "User anna, as of 1 March 2024. Build b1b2c3d4, policies abcdef01.\n"
        "The user is active, high value, likely buyer.\n"
        "\n"
        "Offers (2)\n"
        "  A new one (NEW): worth 10.00 EUR, until 7 March 2024.\n"
        "    Ranked 1.\n"
        "  10 off (TEN): worth 10.00 EUR on Green tea (p1) from 60.00 EUR on, until 7 March 2024.\n"
        "    Chance of use 75.5 %. The strongest reasons:\n"
        "    + Bought it on 4 days, which raises the chance.\n"
        "    - Bought nothing of late, which lowers the chance.\n"
        "\n"
        "Not offered (3), nearest first\n"
        "  Later (WAIT):\n"
        "    - It has not begun.\n"
        "      It would be otherwise if: It is 2024-12-03 or later.\n"
        "  Spend 300 (SPEND):\n"
        "    - It is for others.\n"
        "      It would be otherwise if: The user spends 12.30 EUR more.\n"
        "  Ours (SHOP):\n"
        "    - In the control group.\n"
        "      It would be otherwise if: The group is less than 3.1 %; it is 5 %.\n"
        "    - The budget is spent.\n"
        "      It would be otherwise if: The budget is 20.00 EUR larger.\n"
        "  1 more are over.\n"
        "\n"
        "Prices\n"
        "  Green tea (p1): 2.99 EUR; without the person 3.39 EUR; list price 3.50 EUR.\n"
        "    The reduction is 9 % on 3.30 EUR, the lowest price before it.\n"
        "    What held it: the margin that has to be left.\n"
        "    To be said beside it: Set by a computer.\n"
        "\n"
        "Recommended\n"
        "  1. Green tea (p1): Bought often.\n"
        "\n"
        "Scores\n"
        "  Chance of buying within a week: 62 %. Told by interest 0123456789ab, exactly.\n"
        "    + Bought on 4 days.\n"
        "    - Has not bought.\n"
        "\n"
        "Data used\n"
        "  order lines: 1,234, last on 29 February 2024\n"
    )


def test_it_is_told_in_chinese_too(promo: Promo, database: Path) -> None:
    code, out, err = promo("explain", "anna", "--language", "zh", "--database", database, "-q")
    assert (code, err) == (0, "")
    for line in (
        "用户 anna，截至 2024 年 3 月 1 日。",
        "    + 有 4 天购买过它，提高了可能性。",
        "    - 面向其他用户。",
        "      以下情况会有所不同：用户再消费 12.30 EUR。",
        "      以下情况会有所不同：The group is less than 3.1 %; it is 5 %.",  # no Chinese phrase: English
        "    + 购买 4 天。",
        "    在对该用户开放的促销中排名第 1，预期毛利 1.50 EUR。",
        "未给出的促销（3），最接近的在前",
        "  1. Green tea (p1)：店内畅销商品。",
    ):
        assert line in out
    assert "Ranked" not in out


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Chance of use 75.5 %, that of buying from DRINKS within two weeks. The strongest reasons:"),
        ("zh", "使用可能性 75.5%，即两周内购买品类 DRINKS 的可能性。主要原因："),
    ],
)
def test_an_offer_for_a_category_says_which_one_its_chance_is_of(
    promo: Promo, database: Path, tmp_path: Path, language: str, words: str
) -> None:
    changed = Path(shutil.copy(database, tmp_path / "warehouse.duckdb"))
    with duckdb.connect(str(changed)) as connection:
        connection.execute("update promotions.offer_reasons set score_name = 'category_interest', item_id = 'DRINKS'")
    code, out, _ = promo("explain", "anna", "--language", language, "--database", changed, "-q")
    assert code == 0
    assert f"    {words}\n" in out


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("anna", "兴趣为该用户最高值的 50%，公式得出 2.90 EUR；价格 2.99 EUR。"),
        ("ben", "用户拒绝个性化，因此适用市场价；价格 3.39 EUR。"),
    ],
)
def test_how_a_price_was_computed_is_told_in_chinese_too(promo: Promo, database: Path, user: str, words: str) -> None:
    out = promo("explain", user, "--product", "p1", "--language", "zh", "--database", database, "-q")[1]
    assert f"    标价 3.50 EUR，市场价 3.40 EUR；{words}\n" in out
    assert "List price" not in out


@pytest.mark.parametrize(
    "source", ["best_seller", "newcomers", "new_product", "buy_again", "browsed", "bought_together", "category"]
)
def test_every_source_of_recommendations_has_a_chinese_sentence(source: str) -> None:
    found = {
        "recommendation_rank": 1,
        "product_id": "p",
        "product_name": None,
        "recommendation_source": source,
        "interest": 0.25,
        "reason": "In English.",
    }
    told = {
        "language": "zh",
        "currency": None,
        "user_id": "u",
        "as_of_date": "2024-03-01",
        "build": None,
        "note": None,
        "permissions": {"personalisation_consent": True, "marketing_consent": True, "is_holdout": False},
        "segments": {},
        "offers": [],
        "refusals": [],
        "over": [],
        "prices": [],
        "product": None,
        "recommendations": [found],
        "scores": [],
        "data_used": [],
    }
    assert "In English." not in tell(told, narrow=False)


def test_a_language_without_phrases_falls_back_to_english_and_says_so(promo: Promo, database: Path) -> None:
    code, out, err = promo("explain", "anna", "--language", "tlh", "--database", database)
    assert code == 0
    assert "+ Bought it on 4 days, which raises the chance." in out
    assert "note: there are no phrases in tlh, so they are told in English; see the var reason_languages" in err


def test_json_is_complete_and_the_same_every_time(promo: Promo, database: Path) -> None:
    code, out, err = promo("explain", "anna", "--json", "--database", database, "-q")
    assert (code, err) == (0, "")
    assert promo("explain", "anna", "--json", "--database", database, "-q")[1] == out
    told = json.loads(out)
    assert list(told) == [
        "user_id", "as_of_date", "build", "language", "requested_language", "currency", "permissions", "segments", "offers",
        "refusals", "nearest", "over", "recommendations", "prices", "product", "scores", "note", "data_used", "models",
    ]  # fmt: skip
    assert told["nearest"] == "WAIT"
    assert [found["promotion_id"] for found in told["refusals"]] == ["WAIT", "SPEND", "SHOP"]
    assert [refusal["code"] for refusal in told["refusals"][2]["refusals"]] == ["HOLDOUT", "BUDGET_EXHAUSTED"]
    assert told["refusals"][1]["refusals"][0]["lacks"] == 12.3
    assert [score["score"] for score in told["scores"]] == ["interest", "promo_effect", "purchase_intent"]
    assert [reason["contribution"] for reason in told["scores"][2]["reasons"]] == [0.8, -0.3]
    assert told["prices"][0]["binding_guardrail"] == "MARGIN_FLOOR"
    assert told["models"] == [{"model_name": "interest", "model_version": "0123456789ab", "sha256": None, "is_told": True}]


def test_one_product_is_told_with_what_the_model_read(promo: Promo, database: Path) -> None:
    code, out, _ = promo("explain", "anna", "--product", "green tea", "--database", database, "-q")
    assert code == 0
    assert "Offers" not in out
    assert "List price 3.50." in out
    assert "  Chance of buying within four weeks, Green tea (p1): 62 %. Told by interest 0123456789ab, exactly." in out
    assert "    What the model read: own_days 4\n" in out
    assert "  What a promotion adds to the chance of buying, Green tea (p1): 62 points of percent." in out


def test_one_offer_is_told_or_why_it_was_not_made(promo: Promo, database: Path) -> None:
    by_id = promo("explain", "anna", "--offer", "o1", "--database", database, "-q")[1]
    assert "Offers (1)" in by_id
    assert "Not offered" not in by_id
    refused = promo("explain", "anna", "--offer", "SPEND", "--database", database, "-q")[1]
    assert "Not offered (1)\n  Spend 300 (SPEND):" in refused
    assert "Offers" not in refused
    assert (
        "  Gone (GONE) is over; its last day was 19 February 2024."
        in promo("explain", "anna", "--offer", "GONE", "--database", database, "-q")[1]
    )


def test_who_refused_personalisation_is_told_market_prices_and_no_profile(promo: Promo, database: Path) -> None:
    code, out, _ = promo("explain", "ben", "--database", database, "-q")
    assert code == 0
    assert "The user refused personalisation: market prices hold, best sellers are shown, no score is kept." in out
    assert "  Green tea (p1): 3.39 EUR, the price for everybody; list price 3.50 EUR." in out
    assert "A best seller of the shop." in out
    assert "Scores" not in out


def test_holdout_and_marketing_are_said(promo: Promo, database: Path) -> None:
    _, out, _ = promo("explain", "cem", "--database", database, "-q")
    assert "The user has not agreed to marketing, so no offers are sent." in out
    assert "The user is in the control group that gets no promotions." in out
    assert "Nothing is known of the user's habits." in out
    assert "No data of the user were used." in out


@pytest.mark.parametrize(
    ("product", "words"),
    [
        ("p2", "no personal price was computed, for the user is not known to be interested in it. The market price 3.40 EUR"),
        ("p3", "Cigars (p3): there is no price to tell, for the policy keeps its category from promotions"),
        ("p4", "interest of old made the score, and "),
    ],
)  # fmt: skip
def test_a_product_without_a_personal_price_or_reasons_is_told_why(
    promo: Promo, database: Path, product: str, words: str
) -> None:
    code, out, _ = promo("explain", "anna", "--product", product, "--database", database, "-q")
    assert code == 0
    assert words in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nobody"], "user nobody is not known; give the shop's own user id, as it stands in the shop's tables"),
        (["anna", "--product", "gren tea"], "product gren tea is not known; nearest are: p1 (Green tea), "),
        (["anna", "--product", "bread"], "several products are called bread; name one by its product_id"),
        (["anna", "--offer", "spent"], "offer spent is not known (did you mean SPEND?): name an offer_id on record or a promo"),
        (["anna", "--offer", "o0"], "offer o0 is over, or another user's; what is open: NEW, TEN"),
        (["an\x1bna"], "user an\N{REPLACEMENT CHARACTER}na is not known"),
    ],
)  # fmt: skip
def test_what_is_unknown_is_one_line(promo: Promo, database: Path, arguments: list[str], words: str) -> None:
    code, out, err = promo("explain", *arguments, "--database", database, "-q")
    assert (code, out) == (1, "")
    assert err.startswith(f"promo: {words}")
    assert err.count("\n") == 1


def test_a_database_that_is_not_built_is_one_line(promo: Promo, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "empty.duckdb")):
        pass
    code, out, err = promo("explain", "anna", "--database", tmp_path / "empty.duckdb", "-q")
    assert (code, out) == (1, "")
    assert err.endswith("empty.duckdb knows no users yet; run promo build\n")


def test_it_takes_a_moment(promo: Promo, database: Path) -> None:
    promo("explain", "anna", "--database", database, "-q")
    started = time.process_time()
    promo("explain", "anna", "--database", database, "-q")
    assert time.process_time() - started < 1


AMOUNTS = [0.0, 1.0, 0.04, 0.06, 2.5, 12.34, 99.96, 1e15, -3.2, 0.95, 1 / 3, 1234567.891, -0.449, None]


def expression(macro: str) -> str:
    """A macro's call as SQL."""
    return Renderer(SETTINGS[0]).condition(f"{{{{ {macro} }}}}").partition(" where ")[2]


def test_phrases_are_filled_as_the_views_fill_them(connection: duckdb.DuckDBPyConnection) -> None:
    phrase = "{value}/{days}/{percent}/{times}/{money}"
    number, money = expression("told_number('standing')"), expression("told_money('standing')")
    reason = expression(f"""told_reason("'{phrase}'", 'standing')""")
    for value in AMOUNTS:
        connection.execute("create or replace table amounts as select $1::double as standing", [value])
        shown = connection.execute(f"select {number}, {money}, {reason} from amounts").fetchall()[0]
        expected = (told_number(value), told_money(value, None), told_reason(phrase, value, None))
        assert shown == (expected if value is not None else (None, None, "?/?/?/?/?"))


def test_refusals_are_filled_as_the_view_fills_them(connection: duckdb.DuckDBPyConnection) -> None:
    phrase = "{now}/{needed}/{lacks}/{date}/{now_words}/{needed_words}"
    sql = expression(f"""told_refusal("'{phrase}'")""")
    row = {"standing": 0.2, "has_to_be": 1.25, "lacks": 1.06, "changes_on": None, "now_words": "new", "needed_words": None}
    columns = ", ".join(f"$1['{name}'] as {name}" for name in (*row, "unit"))
    for unit in ("money", "share", "days", "number"):
        connection.execute(f"create or replace table refusals as select {columns}", [row | {"unit": unit}])
        ((shown,),) = connection.execute(f"select {sql} from refusals").fetchall()
        assert shown == told_refusal(phrase, row | {"unit": unit}, None)


def test_a_brace_that_is_no_placeholder_stays() -> None:
    assert filled("{value} {other} {", {"value": "1"}) == "1 {other} {"
