"""Later weeks foreseen by the shop's own demand response, estimated by the dbt models' SQL on the weeks before."""

from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
from numpy.typing import NDArray
from rendered_sql import PROJECT, Renderer, Setting, define_engine_macros

MODELS = {"product_demand_moments": "features", "category_demand_response": "scores"}
CAUSES = ("price", "rival", "mailer", "display")
LOOKED_BACK_DAYS = 2000

# Dominick's orange juice (bayesm's orangeJuice) as the shop's weeks: a product is a brand in a store, other brands its rivals.
ORANGE_JUICE = """
    select
        brand || ' in ' || store as product_id, cast(brand as varchar) as category, store,
        date '1989-09-14' + cast(7 * (week - 1) as integer) as week_start, exp(logmove) as units,
        own as net_price, own as regular_price, exp((log_of_all - ln(own)) / 10) as competitor_price,
        feat as mailer_stores, deal as display_stores
    from (
        select *, [price1, price2, price3, price4, price5, price6, price7, price8, price9, price10, price11][brand] as own,
            ln(price1) + ln(price2) + ln(price3) + ln(price4) + ln(price5) + ln(price6) + ln(price7) + ln(price8) + ln(price9)
            + ln(price10) + ln(price11) as log_of_all
        from read_parquet('{path}')
    )
"""


@dataclass(frozen=True)
class Forecast:
    """Squared errors of ln(units), one a later week of a product, and what was estimated on the weeks before."""

    category: NDArray[np.str_]
    store: NDArray[np.int64]
    sales: NDArray[np.float64]
    errors: dict[str, NDArray[np.float64]]  # by all causes, by the own price alone, by last week's units
    responses: dict[str, dict[str, float | None]]  # by category, then cause

    def rmse(self, way: str, category: str | None = None) -> float:
        """Root of the mean squared error."""
        chosen = self.errors[way] if category is None else self.errors[way][self.category == category]
        return float(np.sqrt(chosen.mean()))

    def r2(self, way: str, category: str) -> float:
        """Share of the later weeks' variation of ln(units) that is foreseen; below 0 where their mean would do better."""
        chosen = self.category == category
        return float(1 - self.errors[way][chosen].mean() / self.sales[chosen].var())

    def gain(self, other: str, category: str | None = None, draws: int = 1000) -> tuple[float, float, float]:
        """How much lower the RMSE by all causes is than the other's, with its 95 % interval; stores are drawn whole."""
        chosen = np.full(len(self.sales), fill_value=True) if category is None else self.category == category
        stores, place = np.unique(self.store[chosen], return_inverse=True)
        rows = np.bincount(place).astype(float)
        ours = np.bincount(place, self.errors["all causes"][chosen])
        theirs = np.bincount(place, self.errors[other][chosen])
        drawn = np.random.default_rng(1).integers(len(stores), size=(draws, len(stores)))
        count = rows[drawn].sum(axis=1)
        gains = np.sqrt(theirs[drawn].sum(axis=1) / count) - np.sqrt(ours[drawn].sum(axis=1) / count)
        low, high = np.quantile(gains, [0.025, 0.975])
        return float(np.sqrt(theirs.sum() / rows.sum()) - np.sqrt(ours.sum() / rows.sum())), float(low), float(high)


def forecast(weeks: str, later_from: date) -> Forecast:
    """Fit on the weeks before the day, foresee those from it on. `weeks`: SQL with product_price_weeks' columns and store."""
    renderer = Renderer(Setting("forecast", {"price_days": LOOKED_BACK_DAYS}, incremental=False, shop_tables=None))
    with duckdb.connect() as connection:
        define_engine_macros(connection)
        connection.execute(f"create table weeks as {weeks}")
        connection.execute("create table as_of_dates as select $day::date as as_of_date", {"day": later_from})
        alone = "select * replace (null::double as competitor_price, 0 as mailer_stores, 0 as display_stores) from weeks"
        foreseen = []
        for name, source in (("full", "select * from weeks"), ("alone", alone)):
            connection.execute(f"create or replace table product_price_weeks as {source}")
            for model, layer in MODELS.items():
                (sql,) = renderer.model(PROJECT / "models" / layer / f"{model}.sql")
                connection.execute(f"create or replace table {model} as {sql}")
            # the product's level, then what each cause adds to it
            level = "moments.sales / moments.weeks"
            added = "0"
            for cause in CAUSES:
                level += f" - coalesce(response.{cause}_response, 0) * moments.{cause} / moments.weeks"
                added += f" + coalesce(priced_by_{name}.{cause}_response, 0) * weeks.{cause}"
            connection.execute(f"""
                create table priced_by_{name} as
                select moments.product_id, {level} as level, response.*
                from product_demand_moments as moments
                inner join category_demand_response as response using (as_of_date, category)
            """)
            foreseen.append(f"priced_by_{name}.level + {added}")
            if name == "full":
                found = connection.execute(
                    f"select category, {', '.join(f'{c}_response' for c in CAUSES)} from category_demand_response"
                )
                responses = {row[0]: dict(zip(CAUSES, row[1:], strict=True)) for row in found.fetchall()}
        rows = connection.execute(
            f"""
            with weeks as (
                select product_id, category, store, week_start, ln(units) as sales, ln(net_price) as price,
                    coalesce(ln(competitor_price), 0) as rival, ln(1 + mailer_stores) as mailer,
                    ln(1 + display_stores) as display,
                    lag(ln(units)) over (partition by product_id order by week_start) as last_sales
                from weeks
            )
            select weeks.category, store, sales, pow(sales - ({foreseen[0]}), 2) as full_error,
                pow(sales - ({foreseen[1]}), 2) as alone_error, pow(sales - last_sales, 2) as last_error
            from weeks inner join priced_by_full using (product_id) inner join priced_by_alone using (product_id)
            where week_start >= $day and last_sales is not null
            order by product_id, week_start
            """,
            {"day": later_from},
        ).fetchnumpy()
    return Forecast(
        category=rows["category"].astype(str),
        store=rows["store"].astype(np.int64),
        sales=rows["sales"].astype(float),
        errors={"all causes": rows["full_error"], "own price": rows["alone_error"], "last week": rows["last_error"]},
        responses=responses,
    )
