"""The task price_response: dbt estimates it; here it is measured against later weeks, shuffled prices and the other half-year."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np

from models_onnx.half_years import HALF_YEAR_DAYS, half_year_split
from models_onnx.judges import AucJudge
from models_onnx.model_card import as_json
from models_onnx.price_response.measures import (
    MOST_CATEGORIES,
    CategoryFigures,
    Explained,
    category_figures,
    correlation_interval,
    explained_later,
    half_year_correlation,
    sensitivity_rows,
)
from models_onnx.task import Finding, Task, Trained, TrainingContext
from models_onnx.time_split import FEWEST_BUYERS, ThinData, TimeSplit
from udfs.scorer import Scorer

FIGURES_FILE = "figures.json"
TABLES = ["scores.category_price_response", "scores.category_promotion_response", "scores.user_price_sensitivity"]
FEWEST_CATEGORIES = 5
MOST_PLACEBO_SHARE = 0.12
"""Of categories. Chance alone finds 5 % in shuffled prices; with more than this the method makes things up."""
GOOD_FOR = (
    "how deep to promote: the elasticity is that of the net price, which moves with promotions. It says nothing of base prices "
    "except where supports_base_price is true, which is seldom, for regular prices hardly move on their own. Weeks without a "
    "sale are left out, not filled in; so it tells how sales that happen rise and fall, and is too weak for slow sellers. It "
    "is an observation, no experiment: what else happened in promotion weeks is in it"
)


@dataclass(frozen=True)
class _Measured:
    categories: CategoryFigures
    correlation: float
    correlation_rows: int
    explained: Explained


@dataclass(frozen=True)
class PriceResponseTask:
    """Elasticities by category and user, in SQL."""

    name: str = "price_response"
    title: str = "how sales answer to prices and promotions, by category, and to discounts, by user"
    horizon_days: int = HALF_YEAR_DAYS
    feature_models: tuple[str, ...] = (
        "product_price_weeks", "product_price_response", "category_price_response", "category_promotion_response",
        "user_discount_use", "discount_use_labels", "user_price_sensitivity",
    )  # fmt: skip

    def split(self, first_day: date, data_until: date, dates: list[date] | None = None) -> TimeSplit:
        """The first half-year, a quarter before the end, the end; raises ThinData."""
        return half_year_split(first_day, data_until)

    def train(self, context: TrainingContext) -> Trained:
        """Measure what the dbt models computed; raises ThinData where too few categories have an elasticity."""
        measured = self._measured(context)
        context.progress("users", 1, 2)
        users = self._users(context)
        found = measured.categories
        rows = context.connection.execute(
            "select category, elasticity, std_error, shrunk_elasticity, shrunk_std_error, supports_base_price "
            "from scores.category_price_response where as_of_date = $day order by category",
            {"day": max(context.split.test)},
        ).fetchall()
        names = ("category", "elasticity", "std_error", "shrunk_elasticity", "shrunk_std_error", "supports_base_price")
        figures = {
            "tables": TABLES,
            "as_of_date": max(context.split.test).isoformat(),
            "categories": [dict(zip(names, row, strict=True)) for row in rows],
        }
        metrics: dict[str, Any] = {
            "rows": found.categories,
            f"negative_significant_of_{found.categories}": found.negative,
            f"regular_price_significant_of_{found.categories}": found.regular,
            f"placebo_significant_of_{found.categories}": found.placebo,
            "half_year_correlation": measured.correlation,
            "r2_gain": measured.explained.gain(measured.explained.with_promotions),
            "r2_gain_price_alone": measured.explained.gain(measured.explained.with_price),
        }
        for finding in users:
            metrics[finding.measure] = finding.reached
        refusal = None
        if found.placebo > max(1, MOST_PLACEBO_SHARE * found.categories):
            refusal = (
                f"shuffled prices have a response in {found.placebo} of {found.categories} categories; don't rely on the figures"
            )
        context.progress("measured", 2, 2)
        return Trained(
            kind="sql",
            file=FIGURES_FILE,
            files={FIGURES_FILE: as_json(figures)},
            card={
                "task": self.title,
                "horizon_days": self.horizon_days,
                "features": [],
                "tables": TABLES,
                "good_for": GOOD_FOR,
                "method": (
                    "least squares of ln(units) on ln(net price) within products and category weeks, weeks with a sale alone, "
                    "errors clustered by product; categories drawn to their mean by empirical Bayes"
                ),
                "split": {
                    name: {"first": min(days), "last": max(days), "as_of_dates": len(days), "rows": count}
                    for name, days, count in (
                        ("train", context.split.train, measured.correlation_rows),
                        ("validation", context.split.validation, measured.explained.rows),
                        ("test", context.split.test, found.categories),
                    )
                },
                "settings": {
                    "price_days": int(context.dbt_vars["price_days"]),
                    "biggest_categories": MOST_CATEGORIES,
                    "median_elasticity": found.median_elasticity,
                    "median_placebo_elasticity": found.median_placebo,
                },
                "users": [{**asdict(finding), "task": self.name} for finding in users],
            },
            metrics={self.name: {"test": metrics}},
            judge=None,
            test_inputs=None,
            test_scores=np.empty(0),
            refusal=refusal,
        )

    def evaluate(self, context: TrainingContext, scorer: Scorer | None) -> list[Finding]:
        """The figures of the loaded shop: the SQL is the champion."""
        measured = self._measured(context)
        found, explained = measured.categories, measured.explained
        total = found.categories
        promotions, price = (explained.gain(errors) for errors in (explained.with_promotions, explained.with_price))
        return [
            Finding(
                self.name, f"negative_significant_of_{total}", found.negative, None, {"regular price alone": found.regular},
                total, "net price, clustered by product: for how deep to promote, not for base prices",
            ),
            Finding(
                self.name, "half_year_correlation", measured.correlation,
                correlation_interval(measured.correlation, measured.correlation_rows), {}, measured.correlation_rows,
                "elasticities of the first half-year against the second",
            ),
            Finding(
                self.name, f"placebo_significant_of_{total}", found.placebo, None, {"expected by chance": 0.05 * total}, total,
                "prices dealt anew to the weeks of each product",
            ),
            Finding(
                self.name, "r2_gain", promotions, explained.interval(explained.with_promotions, context.seed),
                {"net price alone": price}, explained.rows,
                "share of ln(units) beyond product and week, in the 13 weeks after the estimate",
            ),
            *self._users(context),
        ]  # fmt: skip

    def _measured(self, context: TrainingContext) -> _Measured:
        connection, split = context.connection, context.split
        earlier, quarter, last = max(split.train), max(split.validation), max(split.test)
        context.progress("categories", 0, 2)
        found = category_figures(connection, last)
        if found.estimated < FEWEST_CATEGORIES:
            raise ThinData(
                f"{found.estimated} categories have five products sold in eight weeks at different prices; "
                f"elasticities need {FEWEST_CATEGORIES}"
            )
        correlation, rows = half_year_correlation(connection, earlier, last)
        explained = explained_later(connection, quarter, last, int(context.dbt_vars["price_days"]))
        return _Measured(found, correlation, rows, explained)

    def _users(self, context: TrainingContext) -> list[Finding]:
        """How users' sensitivity in the first half-year foretells their discounts in the second; [] with too few users."""
        rows = sensitivity_rows(context.connection, max(context.split.train))
        users = len(rows["sensitivity"])
        if users < FEWEST_BUYERS // 2:
            return []
        findings = []
        for outcome, measure, note in (
            ("later_excess_discount", "user_sensitivity_auc", "deeper discounts than others take on the same products"),
            ("later_discount_share", "user_discount_share_auc", "share of list price not paid, whatever is bought"),
        ):
            labels = (rows[outcome] > np.median(rows[outcome])).astype(np.float64)
            if labels.min() == labels.max():
                continue
            judge = AucJudge(labels, np.arange(users), seed=context.seed)
            new, naive = rows["sensitivity"], rows["own_discount_share"]
            gain, lower, upper = judge.gain(new, naive)
            findings.append(
                Finding(
                    self.name,
                    measure,
                    judge.value(new),
                    judge.interval(new),
                    {"own discount share": judge.value(naive)},
                    users,
                    f"above the median in the later half-year: {note}; gain {gain:+.3f} ({lower:+.3f} to {upper:+.3f})",
                )
            )
        return findings


TASK: Task = PriceResponseTask()  # type: ignore[assignment]
