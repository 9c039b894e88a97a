"""audits.fairness: its figures against statistics told otherwise, its groups from the contract, and what prices may not read."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from math import exp, sqrt
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from rendered_sql import ENGINE_PREFIX, PROJECT, SETTINGS, Renderer, Setting, define_engine_macros, model_files, read_contract
from scipy.stats import norm

FAIRNESS = PROJECT / "models/audits/fairness"
MANY_DATES = Setting("days that are past", {"as_of_dates": ["2024-02-01", "2024-03-01"]}, incremental=False, shop_tables=None)
PROTECTED = {name for name, column in read_contract()["users"]["columns"].items() if column["config"]["meta"].get("protected")}


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(SETTINGS[0])


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database in memory, with the engine's macros and the shipped thresholds."""
    with duckdb.connect() as connection:
        define_engine_macros(connection)
        connection.execute(f"create macro {ENGINE_PREFIX}sample_bucket(user_key, buckets) as 0")
        connection.execute(f"create table fairness_thresholds as from read_csv('{PROJECT}/seeds/fairness_thresholds.csv')")
        connection.execute("create table policy_values as select 'min_audience_size' as name, 20.0 as value")
        yield connection


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    found = connection.sql(sql)
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def sums_of(users: list[tuple[str, str, float, float]], measure: str) -> pa.Table:
    """The sums of fairness_sums out of users as (attribute, group, numerator, denominator)."""
    groups: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for attribute, group, y, x in users:
        groups.setdefault((attribute, group), []).append((y, x))
    records = []
    for (attribute, group), pairs in groups.items():
        y, x = np.array(pairs).T
        figures = {"numerator": y, "denominator": x, "squared_numerator": y * y, "product": x * y, "squared_denominator": x * x}
        records.append(
            {"as_of_date": "2024-03-01", "decision": "offers", "measure": measure, "attribute": attribute, "group_name": group}
            | {"users": len(pairs)}
            | {name: float(values.sum()) for name, values in figures.items()}
        )
    return pa.Table.from_pylist(records)


def judged(renderer: Renderer, connection: duckdb.DuckDBPyConnection, sums: pa.Table) -> list[dict[str, Any]]:
    connection.register("given", sums)
    connection.execute("create or replace table fairness_sums as from given")
    connection.execute("create or replace table score_fairness_sums as from given limit 0")
    return rows(connection, renderer.model(FAIRNESS / "fairness.sql")[0])


def test_the_interval_of_two_rates_is_that_of_katz(renderer: Renderer, warehouse: duckdb.DuckDBPyConnection) -> None:
    users = [("a", "many", float(i < 120), 1.0) for i in range(200)] + [("a", "few", float(i < 36), 1.0) for i in range(90)]
    few = next(row for row in judged(renderer, warehouse, sums_of(users, "offer_rate")) if row["group_name"] == "few")
    ratio, error = (36 / 90) / (120 / 200), sqrt((1 / 36 - 1 / 90) * 90 / 89 + (1 / 120 - 1 / 200) * 200 / 199)
    assert few["compared_value"] == pytest.approx(ratio)
    assert few["compared_low"] == pytest.approx(ratio * exp(-1.96 * error), rel=1e-3)
    assert few["compared_high"] == pytest.approx(ratio * exp(1.96 * error), rel=1e-3)
    assert (few["reference_group"], few["verdict"], few["is_below_four_fifths"]) == ("many", "suspected", True)


def test_the_interval_of_means_counts_users_not_their_rows(renderer: Renderer, warehouse: duckdb.DuckDBPyConnection) -> None:
    """A user's rows are alike: the interval is as wide as one over users drawn anew (the bootstrap)."""
    chance = np.random.default_rng(1)

    def group(name: str, count: int, level: float) -> list[tuple[str, str, float, float]]:
        prices = chance.integers(1, 40, count)
        return [("a", name, float(n * chance.normal(level, 0.1)), float(n)) for n in prices]

    users = group("many", 400, 0.3) + group("few", 150, 0.2)
    few = next(row for row in judged(renderer, warehouse, sums_of(users, "discount_depth")) if row["group_name"] == "few")
    drawn = []
    by_group = {name: np.array([(y, x) for _, g, y, x in users if g == name]) for name in ("many", "few")}
    for _ in range(2000):
        again = {name: pairs[chance.integers(0, len(pairs), len(pairs))].sum(axis=0) for name, pairs in by_group.items()}
        drawn.append((again["few"][0] / again["few"][1]) / (again["many"][0] / again["many"][1]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert few["compared_low"] == pytest.approx(low, rel=0.02)
    assert few["compared_high"] == pytest.approx(high, rel=0.02)
    assert few["verdict"] == "violated"


def test_intervals_hold_the_truth_as_often_as_they_say(renderer: Renderer, warehouse: duckdb.DuckDBPyConnection) -> None:
    """2,000 pairs of groups that differ by .7 in truth; at the bound of .8 no more than the confidence allows are violated."""
    chance = np.random.default_rng(2)
    users = []
    for pair in range(2000):
        true = 0.7 if pair < 1000 else 0.8
        users += [(f"{pair}", "many", y, 1.0) for y in (chance.random(120) < 0.5).astype(float)]
        users += [(f"{pair}", "few", y, 1.0) for y in (chance.random(80) < 0.5 * true).astype(float)]
    few = [row for row in judged(renderer, warehouse, sums_of(users, "offer_rate")) if row["group_name"] == "few"]
    held = np.mean([row["compared_low"] <= 0.7 <= row["compared_high"] for row in few if int(row["attribute"]) < 1000])
    assert 0.93 <= held <= 0.97
    assert np.mean([row["verdict"] == "violated" for row in few if int(row["attribute"]) >= 1000]) <= 0.04


def test_the_normal_quantile_is_near_enough(renderer: Renderer, connection: duckdb.DuckDBPyConnection) -> None:
    for confidence in (0.5, 0.8, 0.9, 0.95, 0.99, 0.999):
        sql = renderer._render(f"{{{{ normal_quantile('{confidence}') }}}}")
        ((found,),) = connection.execute(f"select {sql}").fetchall()
        assert found == pytest.approx(norm.ppf(0.5 + confidence / 2), abs=4.5e-4)


# --- groups ------------------------------------------------------------------------------------------------------------------


def test_groups_come_from_the_contract_and_a_new_attribute_joins_by_itself(warehouse: duckdb.DuckDBPyConnection) -> None:
    renderer = Renderer(SETTINGS[0])
    renderer._contract["users"]["columns"]["religion"] = {"name": "religion", "config": {"meta": {"protected": True}}}
    warehouse.execute("create table as_of_dates as select date '2024-03-01' as as_of_date")
    warehouse.execute("""
        create table stg_users as
        select *, null as income_band, null as region, null as household
        from (values ('known', null, '35-44', 'f', 'none'), ('born', date '1959-03-01', null, null, null),
            ('young', date '2006-03-03', null, null, null)) as users (user_id, birth_date, age_band, gender, religion)
    """)
    warehouse.execute("create table loyalty_status as select 'known' as user_id, 'gold' as tier")
    found = rows(warehouse, renderer.model(FAIRNESS / "audited_groups.sql")[0])
    groups = {(row["user_id"], row["attribute"]): row["group_name"] for row in found}
    assert len(groups) == len(found)
    assert {attribute for user, attribute in groups if user == "young"} == {*PROTECTED, "religion", "region", "membership"}
    assert (groups["born", "age_band"], groups["young", "age_band"]) == ("65+", "under 18")
    assert groups["young", "gender"] == "unknown"
    assert groups["known", "gender and religion"] == "f and none"
    assert groups["known", "age_band within tier gold"] == "35-44"
    assert not [attribute for user, attribute in groups if user == "born" and (" and " in attribute or "within" in attribute)]


def test_one_is_of_age_from_the_birthday_on(renderer: Renderer, warehouse: duckdb.DuckDBPyConnection) -> None:
    day = date(2025, 2, 28)
    births = [day.replace(year=year) + timedelta(days) for year in range(1930, 2025) for days in (-1, 0, 1)]
    sql = renderer._render("{{ age_band_of('born', \"date '2025-02-28'\") }}")
    for born in [*births, date(2004, 2, 29), date(2024, 2, 29), None]:
        ((found,),) = warehouse.execute(f"select {sql} from (select cast($1 as date) as born)", [born]).fetchall()
        if born is None:
            assert found is None
            continue
        age = day.year - born.year - ((born.month, born.day) > (day.month, day.day))
        bands = {18: "under 18", 25: "18-24", 35: "25-34", 45: "35-44", 55: "45-54", 65: "55-64", 200: "65+"}
        assert found == bands[min(most for most in bands if age < most)], born


SCORES = """
create table segment_rules as select 'intent' as dimension, 0.5 as intent_min;
create table promotion_catalogue as select 0.6 as min_churn_risk;
create table user_permissions as
    select day as as_of_date, 'u' || i as user_id, i <> 5 as personalisation_consent
    from (values (date '2024-02-01'), (date '2024-03-01')) as days (day), range(60) as users (i);
create table purchase_intent_inputs as
    select as_of_date, user_id, 0 as tokens, substr(user_id, 2)::integer / 60 as windows from user_permissions;
create table purchase_intent_labels as
    select as_of_date, user_id, true as is_past_buyer, substr(user_id, 2)::integer % 2 = 0 as is_buyer from user_permissions;
create table churn_features as select as_of_date, user_id, 0.7 as features from user_permissions;
create table churn_labels as
    select as_of_date, user_id, false as is_gone_28d, true as is_gone_56d
    from user_permissions where as_of_date = date '2024-02-01';
create table user_product_features as
    select as_of_date, user_id, 'p' || p as product_id, 0.1 * p as features
    from user_permissions, range(3) as products (p) where as_of_date = date '2024-02-01';
create table interest_labels as
    select as_of_date, user_id, product_id, product_id = 'p2' as is_bought from user_product_features;
create table audited_groups as select as_of_date, user_id, 'gender' as attribute, 'f' as group_name from user_permissions;
insert into policy_values values ('max_recommendations_per_user', 1);
create macro purchase_intent_blend(tokens, windows) as windows;
create macro churn_risk(features) as features;
create macro churn_risk_56d(features) as features;
create macro interest(features) as features;
"""


def test_scores_are_judged_on_the_newest_day_whose_outcome_is_known(warehouse: duckdb.DuckDBPyConnection) -> None:
    """59 users agreed to be scored. Intent is i / 60 and every other user buys; churn risk is .7 of everyone; p2 is bought."""
    warehouse.execute(SCORES)
    model = PROJECT / "models/scores/score_fairness_sums.sql"
    found = rows(warehouse, Renderer(MANY_DATES).model(model)[0])
    value = {
        (row["decision"], row["measure"]): (str(row["as_of_date"]), row["users"], row["numerator"], row["denominator"])
        for row in found
    }
    assert value["score purchase_intent", "true_positive_rate"] == ("2024-03-01", 30, 15, 30)
    assert value["score purchase_intent", "false_positive_rate"] == ("2024-03-01", 29, 15, 29)
    expected = sum(i / 60 - (i % 2 == 0) for i in range(60) if i != 5)
    assert value["score purchase_intent", "calibration"][2] == pytest.approx(expected)
    assert value["score churn_risk", "false_positive_rate"] == ("2024-02-01", 59, 59, 59)
    assert value["score churn_risk_56d", "true_positive_rate"] == ("2024-02-01", 59, 59, 59)
    assert value["score interest", "true_positive_rate"] == ("2024-02-01", 59, 59, 59)  # the first of three is shown
    assert value["score interest", "false_positive_rate"] == ("2024-02-01", 59, 0, 118)
    # a build of today, whose labels lie ahead, scores nothing
    assert not rows(warehouse, Renderer(SETTINGS[0]).model(model)[0])


def test_sums_of_few_are_not_kept(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute(SCORES)
    warehouse.execute("update audited_groups set group_name = 'm' where substr(user_id, 2)::integer < 19")
    found = rows(warehouse, Renderer(MANY_DATES).model(PROJECT / "models/scores/score_fairness_sums.sql")[0])
    of_few = [row for row in found if row["group_name"] == "m"]
    assert of_few
    figures = ("users", "numerator", "denominator", "squared_numerator", "product", "squared_denominator")
    assert all(row[name] is None for row in of_few for name in figures)


# --- what prices may not read ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def graph() -> dict[str, tuple[str, set[str]]]:
    """Rendered SQL of every model, and the models it reads."""
    read: set[str] = set()

    class Tracing(Renderer):
        def _dbt_context(self) -> dict[str, Any]:
            def ref(*names: str) -> str:
                read.add(names[-1])
                return names[-1]

            return super()._dbt_context() | {"ref": ref}

    renderer = Tracing(SETTINGS[0])
    found = {}
    for path in model_files():
        read.clear()
        found[path.stem] = ("\n".join(renderer.model(path)), set(read))
    return found


def upstream(graph: dict[str, tuple[str, set[str]]], model: str) -> set[str]:
    found, ahead = set(), {model}
    while ahead:
        name = ahead.pop()
        found.add(name)
        ahead |= {read for read in graph[name][1] if read in graph and read not in found}
    return found


def readers_of(graph: dict[str, tuple[str, set[str]]], models: set[str], columns: set[str]) -> set[tuple[str, str]]:
    """(model, column) wherever one of `models`, but for those that carry the contract's users along, names a column."""
    carriers = {"base_users", "checked_users", "stg_users"}
    return {
        (model, column)
        for model in models - carriers
        for column in columns
        if re.search(rf"\b{column}\b", re.sub(r"--.*", "", graph[model][0]))
    }


def test_no_model_that_a_price_rests_on_reads_a_protected_attribute(graph: dict[str, tuple[str, set[str]]]) -> None:
    models = upstream(graph, "dynamic_prices")
    # the walk reaches both ends, through macros too
    assert {"stg_users", "interest_scores", "user_product_features", "candidate_products", "market_prices"} <= models
    assert not readers_of(graph, models, {*PROTECTED, "birth_date"})
    # region says what newcomers are shown; that it moves no price is tested with rows (considered_products: no max_interest)
    assert {model for model, _ in readers_of(graph, models, {"region"})} == {"considered_products", "peer_popularity"}
    # a column that nobody names could still travel in a star
    for model in models - {"stg_users"}:
        if "stg_users" in graph[model][1]:
            assert not re.search(r"\b(users|people)\.\*", graph[model][0]), f"{model} takes all columns of users"


def test_decisions_read_no_protected_attribute_and_birthdays_for_birthday_promotions_alone(
    graph: dict[str, tuple[str, set[str]]],
) -> None:
    models = set().union(
        *(upstream(graph, model) for model in ("offers", "coupon_eligibility", "recommendations", "campaign_audience"))
    )
    assert not readers_of(graph, models, PROTECTED)
    assert readers_of(graph, models, {"birth_date"}) == {("considered_promotions", "birth_date")}
    assert "days_from_birthday" in (PROJECT / "models/promotions/considered_promotions.sql").read_text()
    assert not {"audited_groups", "fairness_sums", "fairness"} & models


def test_no_feature_list_names_a_protected_attribute(renderer: Renderer) -> None:
    named = {
        word
        for variable, value in renderer._variables.items()
        if variable.endswith(("_features", "_windows", "_pairs", "_product"))
        for word in re.findall(r"\w+", str(value))
    }
    assert len(named) > 100
    assert not named & {*PROTECTED, "birth_date", "region"}


# --- report or enforce -------------------------------------------------------------------------------------------------------


def fairness_test(enforcement: str, violations: list[tuple[Any, ...]]) -> str:
    class Violated(Renderer):
        def _dbt_context(self) -> dict[str, Any]:
            return super()._dbt_context() | {"run_query": lambda sql: SimpleNamespace(rows=violations)}

    renderer = Violated(Setting(enforcement, {"fairness": enforcement}, incremental=False, shop_tables=None))
    return str(renderer._macros["keeps_fairness"]("fairness"))


VIOLATION = ("offers", "offer_rate", "gender", "f", 40, "m", 60, "0.5", "0.4", "0.6", "ratio", "0.8", "1.25")


def test_enforced_fairness_fails_with_a_sentence_and_reported_fairness_lists_rows() -> None:
    with pytest.raises(AssertionError) as refused:
        fairness_test("enforce", [VIOLATION, VIOLATION])
    assert str(refused.value) == (
        "fairness is enforced and violated: offers, offer_rate of gender f (40 users) beside m (60 users): ratio 0.5, "
        "interval 0.4 to 0.6, allowed 0.8 to 1.25 (and 1 more in audits.fairness); see promo audit"
    )
    assert "violated" in fairness_test("enforce", [])
    assert fairness_test("report", [VIOLATION]).strip().endswith("where verdict = 'violated'")
    with pytest.raises(AssertionError, match="the var fairness is perhaps: write report or enforce"):
        fairness_test("perhaps", [])
