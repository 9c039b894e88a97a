"""Figures on the price response that the dbt models computed: they are applied here to later weeks, never estimated anew."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

MOST_CATEGORIES = 50
"""The categories that the shop sells most of, of those that the pricing policy lets be promoted."""
DRAWS = 300

_TOP = f"""
    select response.category
    from scores.category_price_response as response
    left join policies.pricing_policy as policy on response.category = policy.category
    where response.as_of_date = $day and coalesce(policy.is_promotable, true) and response.spend > 0
    order by response.spend desc, response.category
    limit {MOST_CATEGORIES}
"""

CAUSES = ("discount", "regular", "mailer", "display")


@dataclass(frozen=True)
class CategoryFigures:
    """Counts over the biggest categories."""

    categories: int
    negative: int
    """Elasticities of the net price below zero beyond chance."""
    regular: int
    """The same of the regular price alone."""
    estimated: int
    """Categories with an elasticity at all."""
    regular_estimated: int
    placebo: int
    """Shuffled prices with a response beyond chance, to either side."""
    median_elasticity: float
    median_placebo: float


def category_figures(connection: duckdb.DuckDBPyConnection, day: date) -> CategoryFigures:
    """Counts at the as-of date `day`."""
    row = connection.execute(
        f"""
        select
            count(*), count(*) filter (where is_significant), count(*) filter (where supports_base_price), count(elasticity),
            count(regular_elasticity), count(*) filter (where placebo_is_found), median(elasticity), median(placebo_elasticity)
        from scores.category_price_response
        where as_of_date = $day and category in ({_TOP})
        """,
        {"day": day},
    ).fetchall()[0]
    return CategoryFigures(*row[:1], *row[1:3], *row[3:6], *(float("nan") if value is None else value for value in row[6:]))


def half_year_correlation(connection: duckdb.DuckDBPyConnection, earlier: date, later: date) -> tuple[float, int]:
    """Pearson's r of categories' elasticities from before `earlier` and from the newer half before `later`; and how many.

    NaN with fewer than four categories.
    """
    pairs = connection.execute(
        f"""
        select older.elasticity, newer.newer_elasticity
        from scores.category_price_response as newer
        inner join scores.category_price_response as older on newer.category = older.category and older.as_of_date = $earlier
        where
            newer.as_of_date = $day and newer.category in ({_TOP})
            and older.elasticity is not null and newer.newer_elasticity is not null
        order by newer.category
        """,
        {"day": later, "earlier": earlier},
    ).fetchall()
    values = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    if len(values) < 4 or (values.std(axis=0) == 0).any():
        return float("nan"), len(values)
    matrix: NDArray[np.float64] = np.asarray(np.corrcoef(values.T))
    return float(matrix[0, 1]), len(values)


def correlation_interval(correlation: float, rows: int) -> tuple[float, float] | None:
    """95 % interval by Fisher's z; None where there is none."""
    if not np.isfinite(correlation) or rows < 4:
        return None
    middle, half = np.arctanh(min(correlation, 0.999999)), 1.959964 / (rows - 3) ** 0.5
    return float(np.tanh(middle - half)), float(np.tanh(middle + half))


@dataclass(frozen=True)
class Explained:
    """Squared errors of ln(units) in later weeks, by product [P]: of the effects alone, and with prices and promotions."""

    effects: NDArray[np.float64]
    with_price: NDArray[np.float64]
    with_promotions: NDArray[np.float64]
    rows: int

    def gain(self, errors: NDArray[np.float64]) -> float:
        """1 - errors over those of the effects alone; NaN without rows."""
        return float(1 - errors.sum() / self.effects.sum()) if self.effects.sum() > 0 else float("nan")

    def interval(self, errors: NDArray[np.float64], seed: int) -> tuple[float, float] | None:
        """Percentile bootstrap over products, 95 %; None with fewer than two."""
        if len(errors) < 2:
            return None
        random = np.random.default_rng(seed)
        drawn = [random.integers(0, len(errors), len(errors)) for _ in range(DRAWS)]
        lower, upper = np.quantile([1 - errors[rows].sum() / self.effects[rows].sum() for rows in drawn], [0.025, 0.975])
        return float(lower), float(upper)


def explained_later(connection: duckdb.DuckDBPyConnection, day: date, until: date, window_days: int) -> Explained:
    """How much better later weeks are foretold by what prices and promotions did before `day`.

    The effects are each product's mean of the window before `day` and the mean of its category's week, which is taken from
    the later weeks themselves: nobody foretells how busy a week will be. Coefficients are those of the as-of date `day`.
    Products sold in eight weeks before; weeks from `day` on that were over by `until`.
    """
    terms = " + ".join(f"coalesce(promotion.{cause}_response, 0) * ({cause} - mean_{cause})" for cause in CAUSES)
    means = ", ".join(f"avg({name}) as mean_{name}" for name in ("sales", "net", *CAUSES))
    rows = connection.execute(
        f"""
        with weeks as (
            select
                product_id, category, week_start, ln(units) as sales, ln(net_price) as net, ln(regular_price) as regular,
                ln(net_price / regular_price) as discount, ln(1.0 + mailer_stores) as mailer, ln(1.0 + display_stores) as display
            from features.product_price_weeks
            where net_price >= 0.05 * regular_price and category in ({_TOP.replace("$day", "$until")})
        ), before as (
            select product_id, {means}
            from weeks
            where week_start + 7 <= $day and week_start >= cast($day as date) - {int(window_days)}
            group by product_id
            having count(*) >= 8
        ), later as (
            select
                weeks.category, weeks.week_start, weeks.product_id, sales - mean_sales as plain,
                sales - mean_sales - coalesce(price.elasticity, 0) * (net - mean_net) as priced,
                sales - mean_sales - ({terms}) as promoted
            from weeks
            inner join before on weeks.product_id = before.product_id
            left join scores.category_price_response as price on weeks.category = price.category and price.as_of_date = $day
            left join scores.category_promotion_response as promotion
                on weeks.category = promotion.category and promotion.as_of_date = $day
            where week_start >= $day and week_start + 7 <= $until
        ), left_over as (
            select
                product_id,
                plain - avg(plain) over (partition by category, week_start) as plain,
                priced - avg(priced) over (partition by category, week_start) as priced,
                promoted - avg(promoted) over (partition by category, week_start) as promoted
            from later
        )
        select sum(plain * plain), sum(priced * priced), sum(promoted * promoted), count(*)
        from left_over
        group by product_id
        order by product_id
        """,
        {"day": day, "until": until},
    ).fetchall()
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return Explained(table[:, 0], table[:, 1], table[:, 2], int(table[:, 3].sum()))


def sensitivity_rows(connection: duckdb.DuckDBPyConnection, day: date, fewest_purchases: int = 20) -> dict[str, NDArray[Any]]:
    """Users at `day` and what they did in the half-year after: columns [U], by user.

    sensitivity (-elasticity's deviation, so that more means more sensitive), own_discount_share of the window before,
    later_discount_share, later_excess_discount (see discount_use_labels). Users with that many compared purchases later.
    """
    table = connection.execute(
        """
        with own as (
            select user_id, sum(discount) / nullif(sum(list_spend), 0) as own_discount_share
            from features.user_discount_use
            where as_of_date = $day
            group by user_id
        )
        select -scores.deviation as sensitivity, own_discount_share, labels.discount_share, labels.excess_discount
        from scores.user_price_sensitivity as scores
        inner join own on scores.user_id = own.user_id
        inner join features.discount_use_labels as labels
            on scores.user_id = labels.user_id and scores.as_of_date = labels.as_of_date
        where scores.as_of_date = $day and labels.compared_purchases >= $fewest and own_discount_share is not null
        order by scores.user_id
        """,
        {"day": day, "fewest": fewest_purchases},
    ).fetchall()
    names = ("sensitivity", "own_discount_share", "later_discount_share", "later_excess_discount")
    values = np.array(table, dtype=np.float64).reshape(-1, len(names))
    return {name: values[:, place] for place, name in enumerate(names)}
