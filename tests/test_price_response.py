"""Price response: a planted elasticity is found within its error, shuffled prices have none, weeks without a sale stay out."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import yaml
from rendered_sql import PROJECT

from models_onnx.half_years import half_year_split
from models_onnx.model_card import as_json
from models_onnx.price_response.measures import Explained, correlation_interval, explained_later, half_year_correlation
from models_onnx.price_response.task import TASK
from models_onnx.task import TrainingContext
from models_onnx.time_split import ThinData, TimeSplit
from promo_cli.connectors import files
from promo_cli.dbt_runner import run_dbt
from promo_cli.warehouse import open_warehouse
from udfs.measured_sql import MeasuredSql
from udfs.model_registry import ModelRefused

FIRST_DAY, DATA_UNTIL = date(2024, 1, 1), date(2024, 12, 30)  # 52 weeks, Monday to Sunday
SPLIT = half_year_split(FIRST_DAY, DATA_UNTIL)

# Elasticities by category: of the net price, of the regular price, share of weeks with a sale, products.
CATEGORIES = {
    "planted": (-2.0, 0.0, 1.0, 40),
    "strong": (-3.0, 0.0, 1.0, 40),
    "sparse": (-1.0, 0.0, 0.6, 40),
    "deaf": (0.0, 0.0, 1.0, 40),
    "sparse and deaf": (0.0, 0.0, 0.4, 40),
    "base": (-1.5, -1.5, 1.0, 40),
    "thin": (-2.0, 0.0, 1.0, 3),
}

UNIFORM = "(hash({}) % 1000003 + 0.5) / 1000003.0"
NORMAL = f"sqrt(-2 * ln({UNIFORM.format('{0}')})) * cos(2 * pi() * {UNIFORM.format('{0} + 77')})"


def write_priced_shop(folder: Path) -> None:
    """One line a product and week of a sale, units of three decimals; regular prices move every quarter, nets by promotion.

    And a category of its own where 30 eager users buy at the low price four times as often as 30 calm ones do.
    """
    folder.mkdir()
    values = ", ".join(f"('{name}', {net}, {base}, {share}, {count})" for name, (net, base, share, count) in CATEGORIES.items())
    with duckdb.connect() as connection:
        connection.execute(f"""
            create table weeks as
            select
                c.category, c.category || ' ' || p as product_id, w, c.share,
                hash(c.category || p || ' ' || w) as h,
                case when c.base <> 0 then exp(0.2 * {NORMAL.format("hash(c.category || p || ' quarter ' || w // 13)")})
                    else 1 end * 5 as regular,
                case when hash(c.category || p || w || 'deal') % 10 < 3 then 0.7 else 1.0 end as cut, c.net, c.base
            from (values {values}) as c(category, net, base, share, products), range(40) as products(p), range(52) as weeks(w)
            where p < c.products
        """)
        lines = f"""
            select
                'o ' || product_id || ' ' || w as order_id, 1 as line_number, 'u' || h % 97 as user_id, product_id,
                timestamp '2024-01-03 12:00:00' + to_days((7 * w)::integer) as ordered_at,
                cast(exp(2 + 0.3 * sin(w / 4.0) + (hash(product_id) % 100) / 50.0 + net * ln(cut) + base * ln(regular / 5)
                    + 0.3 * {NORMAL.format("h")}) as decimal(18, 3)) as quantity,
                cast(regular as decimal(18, 2)) as list_price, cast(regular * cut as decimal(18, 2)) as paid_price
            from weeks
            where {UNIFORM.format("h + 5")} < share
        """
        users = f"""
            select
                'v ' || u || ' ' || n as order_id, 1 as line_number,
                case when u < 30 then 'eager ' else 'calm ' end || u as user_id, 'shared ' || n % 5 as product_id,
                timestamp '2024-01-01 12:00:00' + to_days((hash(u * 1000 + n) % 364)::integer) as ordered_at,
                1 as quantity, 4.00 as list_price,
                case when {UNIFORM.format("hash(u * 1000 + n) + 3")} < case when u < 30 then 0.8 else 0.2 end then 2.00 else 4.00
                end as paid_price
            from range(60) as users(u), range(60) as purchases(n)
        """
        connection.execute(f"copy (({lines}) union all ({users})) to '{folder}/order_lines.parquet'")
        connection.execute(f"""
            copy (
                select distinct product_id, category from weeks
                union all
                select 'shared ' || i as product_id, 'shared' as category from range(5) as t(i)
            ) to '{folder}/products.parquet'
        """)
        connection.execute(f"""
            copy (
                select product_id, date '2024-01-01' + (7 * w)::integer as week_start, case when cut < 1 then 50 else 0 end
                    as mailer_stores, 0 as display_stores
                from weeks where h % 3 = 0
            ) to '{folder}/product_promotions.parquet'
        """)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The price models over the dates of the split."""
    folder = tmp_path_factory.mktemp("prices")
    write_priced_shop(folder / "shop")
    database = folder / "offerhouse.duckdb"
    with open_warehouse(database) as connection:
        files.load(connection, files.find_shop_files(folder / "shop", "utf-8"), "UTC", "EUR", None)
    models = [*TASK.feature_models, *(f"+{model}" for model in TASK.feature_models)]
    run_dbt(
        ["build", "--select", "path:models/staging", "path:seeds", *models, "--exclude-resource-type", "test", "unit_test"],
        database,
        {"as_of_dates": [day.isoformat() for day in SPLIT.all()]},
    )
    with duckdb.connect(str(database), read_only=True) as connection:
        yield connection


def response(connection: duckdb.DuckDBPyConnection, category: str, day: date = DATA_UNTIL) -> dict[str, Any]:
    found = connection.execute(
        "select * from scores.category_price_response where as_of_date = $day and category = $category",
        {"day": day, "category": category},
    )
    names = [column[0] for column in found.description]
    (row,) = found.fetchall()
    return dict(zip(names, row, strict=True))


@pytest.mark.parametrize("category", ["planted", "strong", "sparse", "base"])
def test_a_planted_elasticity_is_found_within_its_error(measured: duckdb.DuckDBPyConnection, category: str) -> None:
    found = response(measured, category)
    expected = CATEGORIES[category][0]
    assert abs(found["elasticity"] - expected) < 3 * found["std_error"]
    assert found["std_error"] < 0.1
    assert found["is_significant"]
    assert abs(found["older_elasticity"] - expected) < 4 * found["older_std_error"]
    assert abs(found["newer_elasticity"] - expected) < 4 * found["newer_std_error"]
    assert abs(found["shrunk_elasticity"] - found["elasticity"]) < found["std_error"]


@pytest.mark.parametrize("category", ["deaf", "sparse and deaf"])
def test_who_does_not_answer_to_prices_has_no_elasticity(measured: duckdb.DuckDBPyConnection, category: str) -> None:
    """Half of the weeks of one are without a sale: filled in at the regular price they would look like an answer to prices."""
    found = response(measured, category)
    assert abs(found["elasticity"]) < 3 * found["std_error"]
    assert found["std_error"] < 0.1


def test_shuffled_prices_have_no_response(measured: duckdb.DuckDBPyConnection) -> None:
    found = [response(measured, category) for category in CATEGORIES if category != "thin"]
    assert all(abs(one["placebo_elasticity"]) < 0.15 for one in found)
    assert all(abs(one["placebo_t_value"]) < 3.5 for one in found)
    assert sum(one["placebo_is_found"] for one in found) <= 1


def test_only_a_regular_price_that_sales_answer_to_speaks_on_base_prices(measured: duckdb.DuckDBPyConnection) -> None:
    assert response(measured, "base")["supports_base_price"]
    assert abs(response(measured, "base")["regular_elasticity"] - -1.5) < 3 * response(measured, "base")["regular_std_error"]
    for category in ("planted", "strong", "deaf", "sparse"):
        found = response(measured, category)
        assert not found["supports_base_price"]
        assert found["regular_elasticity"] is None  # it never moved
    assert "not for base prices" in response(measured, "planted")["note"]


def test_a_thin_category_takes_the_mean_of_all_and_says_so(measured: duckdb.DuckDBPyConnection) -> None:
    found = response(measured, "thin")
    assert found["elasticity"] is None
    assert not found["is_significant"]
    assert -3 < found["shrunk_elasticity"] < 0
    assert found["shrunk_std_error"] > 0.5  # categories differ by as much
    assert "mean of all categories" in found["note"]


def test_weeks_without_a_sale_are_not_filled_in(measured: duckdb.DuckDBPyConnection) -> None:
    weeks, sold = measured.execute("""
        select
            (select count(*) from features.product_price_weeks),
            (select count(*) from (
                select distinct product_id, (ordered_on - date '2024-01-01') // 7 from staging.stg_order_lines
            ))
    """).fetchall()[0]
    assert weeks == sold
    assert measured.execute("select min(units) > 0 from features.product_price_weeks").fetchall() == [(True,)]


def test_an_earlier_date_knows_nothing_of_later_weeks(measured: duckdb.DuckDBPyConnection) -> None:
    for day in SPLIT.all():
        (weeks,) = measured.execute(
            "select max(weeks) from (select sum(weeks) as weeks from features.product_price_response where as_of_date = ? "
            "group by product_id)",
            [day],
        ).fetchall()[0]
        assert weeks == (day - FIRST_DAY).days // 7


def test_discount_and_mailer_are_told_apart(measured: duckdb.DuckDBPyConnection) -> None:
    discount, error, mailer, mailer_error, regular, display = measured.execute(
        "select discount_response, discount_std_error, mailer_response, mailer_std_error, regular_response, display_response "
        "from scores.category_promotion_response where category = 'planted' and as_of_date = ?",
        [DATA_UNTIL],
    ).fetchall()[0]
    assert abs(discount - -2) < 3 * error
    assert abs(mailer) < 3 * mailer_error
    assert regular is None
    assert display is None


def test_eager_users_are_told_from_calm_ones(measured: duckdb.DuckDBPyConnection) -> None:
    rows = measured.execute(
        "select user_id like 'eager%', deviation, deviation_std_error, price_sensitivity, reduced_share, expected_reduced_share "
        "from scores.user_price_sensitivity where as_of_date = ? and (user_id like 'eager%' or user_id like 'calm%')",
        [DATA_UNTIL],
    ).fetchall()
    eager = np.array([row[1:] for row in rows if row[0]], dtype=np.float64)
    calm = np.array([row[1:] for row in rows if not row[0]], dtype=np.float64)
    assert len(eager) == len(calm) == 30
    assert eager[:, 0].max() < calm[:, 0].min()
    assert (eager[:, 2] > 1).all()
    assert (calm[:, 2] < 1).all()
    np.testing.assert_allclose(eager[:, 4], 0.5, atol=0.02)
    # With log odds of ±ln 4 around the others, the Newton step is that over ln 2, a little less for shrinkage.
    assert 0.5 < -eager[:, 0].mean() < 2


def context(connection: duckdb.DuckDBPyConnection, split: TimeSplit = SPLIT) -> TrainingContext:
    variables = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]
    return TrainingContext(connection, split, variables, 1, "planted", lambda what, done, total: None)


def test_the_task_reports_what_the_tables_hold(measured: duckdb.DuckDBPyConnection) -> None:
    findings = {finding.measure: finding for finding in TASK.evaluate(context(measured), None)}
    assert findings["negative_significant_of_8"].reached >= 4
    assert findings["half_year_correlation"].reached > 0.9
    assert findings["placebo_significant_of_8"].reached <= 1
    assert 0.2 < findings["r2_gain"].reached < 1
    assert findings["r2_gain"].baselines["net price alone"] > 0.2
    lower, upper = findings["r2_gain"].interval or (0, 0)
    assert lower < findings["r2_gain"].reached < upper
    trained = TASK.train(context(measured))
    assert trained.refusal is None
    assert "base prices" in trained.card["good_for"]
    assert MeasuredSql("price_response", trained.files[trained.file]).tables == trained.card["tables"]
    as_json(trained.card)


def test_later_prices_foretell_nothing_once_shuffled(measured: duckdb.DuckDBPyConnection) -> None:
    with duckdb.connect() as shuffled:
        for schema, table in (
            ("scores", "category_price_response"), ("scores", "category_promotion_response"), ("features", "product_price_weeks"),
            ("policies", "pricing_policy"),
        ):  # fmt: skip
            rows = measured.sql(f"select * from {schema}.{table}").to_arrow_table()
            shuffled.register("rows", rows)
            shuffled.execute(f"create schema if not exists {schema}; create table {schema}.{table} as select * from rows")
        shuffled.execute("""
            create or replace table features.product_price_weeks as
            with numbered as (
                select *, row_number() over (partition by product_id order by week_start) as place,
                    row_number() over (partition by product_id order by hash(product_id || week_start)) as drawn
                from features.product_price_weeks
            )
            select own.product_id, own.category, own.week_start, own.units, other.net_price, other.regular_price,
                other.mailer_stores, other.display_stores
            from numbered as own inner join numbered as other on own.product_id = other.product_id and own.place = other.drawn
        """)
        found = explained_later(shuffled, SPLIT.validation[0], DATA_UNTIL, 364)
        assert found.gain(found.with_promotions) < 0


def test_too_few_categories_are_refused_in_one_line(measured: duckdb.DuckDBPyConnection) -> None:
    with duckdb.connect() as empty:
        for schema, table in (("scores", "category_price_response"), ("policies", "pricing_policy")):
            rows = measured.sql(f"select * from {schema}.{table} limit 0").to_arrow_table()
            empty.register("rows", rows)
            empty.execute(f"create schema {schema}; create table {schema}.{table} as select * from rows")
        with pytest.raises(ThinData, match=r"^0 categories .* need 5$"):
            TASK.train(context(empty))


def test_two_half_years_are_needed() -> None:
    with pytest.raises(ThinData, match=r"363 days long; two half-years, 364 days"):
        half_year_split(date(2024, 1, 1), date(2024, 12, 29))
    assert SPLIT.all() == [date(2024, 7, 1), date(2024, 9, 30), date(2024, 12, 30)]


def test_intervals_of_nothing_are_none(measured: duckdb.DuckDBPyConnection) -> None:
    assert correlation_interval(float("nan"), 50) is None
    assert correlation_interval(0.9, 3) is None
    lower, upper = correlation_interval(0.9, 50) or (0, 0)
    assert (round(lower, 3), round(upper, 3)) == (0.829, 0.942)
    nothing = Explained(np.empty(0), np.empty(0), np.empty(0), 0)
    assert np.isnan(nothing.gain(nothing.with_price))
    assert nothing.interval(nothing.with_price, 1) is None
    assert half_year_correlation(measured, date(1999, 1, 1), DATA_UNTIL)[1] == 0


@pytest.mark.parametrize("content", [b"no json", b"[1]", b'{"figures": 1}'])
def test_figures_that_cannot_be_read_are_refused(content: bytes) -> None:
    with pytest.raises(ModelRefused, match=r"^price_response: the figures .* train it again$"):
        MeasuredSql("price_response", content)


def test_a_model_in_sql_scores_nothing() -> None:
    model = MeasuredSql("price_response", b'{"tables": ["scores.category_price_response"]}')
    with pytest.raises(ModelRefused, match=r"read scores\.category_price_response"):
        model.dense_batch()
