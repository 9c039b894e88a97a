"""The metrics of dbt's semantic layer mean what SQL written by hand says, on the small shop's database.

The fast tests put each measure's own SQL over its model; the slow one asks MetricFlow itself (pip install "offerhouse[metrics]").
"""

import csv
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from published_sql import relations
from rendered_sql import PROJECT
from small_shop import SECRET

FILE = PROJECT / "models/promotions/metrics/promotion_metrics.yml"
LAYER = yaml.safe_load(FILE.read_text())
METRICS: dict[str, dict[str, Any]] = {metric["name"]: metric for metric in LAYER["metrics"]}
MEASURES = {measure["name"]: (model, measure) for model in LAYER["semantic_models"] for measure in model["measures"]}

EXPECTED = {
    "offers_made": "select count(*) from promotions.offers",
    "users_offered": "select count(distinct user_id) from promotions.offers",
    "reserved_budget": "select sum(reserved_budget) from promotions.offers",
    "expected_redemptions": "select avg(redemption_score) * count(*) from promotions.offers",
    "expected_margin": "select avg(expected_margin) * count(*) from promotions.offers",
    "expected_redemption_rate": "select avg(redemption_score) from promotions.offers",
    "expected_margin_per_offer": "select avg(expected_margin) from promotions.offers",
    "promotions_considered": "select count(*) from promotions.considered_promotions",
    "promotions_eligible": "select count(*) from promotions.coupon_eligibility where reason is null",
    "promotions_refused": "select count(*) from promotions.coupon_eligibility where len(reject_reasons) > 0",
    "eligible_rate": "select avg(cast(is_eligible as integer)) from promotions.coupon_eligibility",
    "refusal_rate": "select avg(cast(reason is not null as integer)) from promotions.coupon_eligibility",
    "incremental_margin": "select sum(expected_incremental_margin) from promotions.campaigns_planned",
    "campaign_cost": "select sum(expected_cost) from promotions.campaigns_planned",
    "incremental_return": "select sum(expected_incremental_margin) / sum(expected_cost) from promotions.campaigns_planned",
    "all_users": "select count(*) from staging.stg_users",
    "active_users": "select count(*) - 30 from staging.stg_users",
    "at_risk_users": "select 30",
    "at_risk_share": "select 30 / count(*) from staging.stg_users",
    "average_discount_depth": "select avg((list_price - personal_price) / list_price) from promotions.dynamic_prices",
    "prices_shown": "select count(*) from promotions.considered_products",
    "prices_guarded": "select count(binding_guardrail) from promotions.dynamic_prices",
    "guardrail_share": "select count(binding_guardrail) / count(*) from promotions.dynamic_prices",
    "redemptions_counted": "select count(*) from promotions.promotion_uses",
    "redeemed_value": "select sum(discount) from promotions.promotion_uses",
    "users_contacted": "select 40",
    "redemption_rate": "select 2 / 40",
}

# Thirty users at risk today and none the week before; a control group; two users who were reached and used a promotion in time
# (one of them twice), one who did too late, one before, and two of the control group.
PLANTED = """
    insert into promotions.segment_history
    select as_of_date - 7, user_id, 'active', value_tier, intent, cluster_name from promotions.segment_history;
    update promotions.segment_history set life_cycle = 'at_risk'
    where as_of_date = (select max(as_of_date) from promotions.segment_history)
        and user_id in (select user_id from staging.stg_users order by user_id limit 30);
    create temp table sent as
    select user_id, row_number() over (order by user_id) as number from staging.stg_campaign_sends;
    create temp table held_out as
    select user_id, row_number() over (order by user_id) as number
    from staging.stg_users where user_id not in (select user_id from sent);
    insert into staging.checked_campaign_sends
    select 'C1', user_id, timestamp '2025-05-01', false, date '2025-05-01', null, [], null from held_out;
    insert into promotions.promotion_uses
    select 'planted' || row_number() over (), 'OPEN', user_id, day, day, 1.50, null
    from (
        select user_id, unnest([date '2025-05-01', date '2025-05-28']) as day from sent where number = 1
        union all select user_id, date '2025-05-28' from sent where number = 2
        union all select user_id, date '2025-05-29' from sent where number = 3
        union all select user_id, date '2025-04-30' from sent where number = 4
        union all select user_id, date '2025-05-02' from held_out where number <= 2
    );
"""


@pytest.fixture(scope="module")
def database(small_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the small shop's working database with PLANTED in it."""
    copy = Path(shutil.copy(small_warehouse, tmp_path_factory.mktemp("metrics")))
    with duckdb.connect(str(copy)) as connection:
        connection.execute(PLANTED)
    return copy


@pytest.fixture
def planted(database: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(database), read_only=True) as connection:
        yield connection


def number(connection: duckdb.DuckDBPyConnection, sql: str) -> float:
    return float(connection.execute(sql).fetchall()[0][0])


def named(reference: str | dict[str, str]) -> dict[str, str]:
    return {"name": reference} if isinstance(reference, str) else reference


def value(connection: duckdb.DuckDBPyConnection, metric: str) -> float:
    """A metric over all days by its definition, for the kinds that need no join."""
    parameters = METRICS[metric]["type_params"]
    if METRICS[metric]["type"] == "ratio":
        return value(connection, parameters["numerator"]) / value(connection, parameters["denominator"])
    reference = named(parameters["measure"])
    model, measure = MEASURES[reference["name"]]
    relation = relations()[re.findall(r"\w+", model["model"])[1]]
    dimensions = {dimension["name"]: dimension.get("expr", dimension["name"]) for dimension in model["dimensions"]}
    condition = re.sub(r"{{ Dimension\('\w+?__(\w+)'\) }}", lambda found: dimensions[found[1]], reference.get("filter", "true"))
    if window := measure.get("non_additive_dimension"):
        day = dimensions[window["name"]]
        condition += f" and {day} = (select {window['window_choice']}({day}) from {relation})"
    call = {"sum": "sum({})", "average": "avg({})", "count_distinct": "count(distinct {})"}[measure["agg"]]
    return number(connection, f"select {call.format(measure['expr'])} from {relation} where {condition}")


def test_every_metric_is_told_and_held_against_sql() -> None:
    assert sorted(METRICS) == sorted(EXPECTED)
    assert len(METRICS) == len(LAYER["metrics"])
    for entry in [*LAYER["metrics"], *LAYER["semantic_models"], *(measure for _, measure in MEASURES.values())]:
        assert entry["description"].strip(), entry["name"]


@pytest.mark.parametrize("metric", [name for name, metric in METRICS.items() if metric["type"] != "conversion"])
def test_metric_is_what_its_sql_says(planted: duckdb.DuckDBPyConnection, metric: str) -> None:
    assert value(planted, metric) == pytest.approx(number(planted, EXPECTED[metric]), rel=1e-6)


def test_dimensions_are_columns(planted: duckdb.DuckDBPyConnection) -> None:
    for model in LAYER["semantic_models"]:
        relation = relations()[re.findall(r"\w+", model["model"])[1]]
        for element in [*model["entities"], *model["dimensions"]]:
            planted.execute(f"select {element.get('expr', element['name'])} from {relation} limit 0")


@pytest.mark.slow
def test_metricflow_answers_the_same(database: Path, tmp_path: Path) -> None:
    mf = Path(sys.executable).with_name("mf")
    if not mf.exists():
        pytest.skip('MetricFlow is not installed: pip install "offerhouse[metrics]"')
    project = Path(shutil.copytree(PROJECT, tmp_path / "project", ignore=shutil.ignore_patterns("target", "logs")))
    environment = os.environ | {
        "OFFERHOUSE_DB": str(database),
        "OFFERHOUSE_SECRET": SECRET,
        "OFFERHOUSE_PRIVACY": "on",
        "DBT_PROFILES_DIR": str(PROJECT.parent),
    }
    dbt = [sys.executable, "-m", "dbt.cli.main", "--warn-error", "parse"]
    subprocess.run(dbt, cwd=project, env=environment, check=True, capture_output=True)
    answers = tmp_path / "answers.csv"
    command = [str(mf), "query", "--metrics", ",".join(METRICS), "--csv", str(answers), "--decimals", "9"]
    subprocess.run(command, cwd=project, env=environment, check=True, capture_output=True)
    with answers.open() as file, duckdb.connect(str(database), read_only=True) as connection:
        (answer,) = csv.DictReader(file)
        assert {name: float(cell) for name, cell in answer.items()} == {
            name: pytest.approx(number(connection, sql), rel=1e-6) for name, sql in EXPECTED.items()
        }
