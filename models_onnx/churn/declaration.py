"""What churn_risk and churn_risk_56d share: split, rows, rules and the BG/NBD yardstick; they differ in their horizon."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from models_onnx.churn.bg_nbd import fit_bg_nbd
from models_onnx.tabular.examples import Parts
from models_onnx.tabular.fit import TabularSettings
from models_onnx.tabular.task import TabularTask
from models_onnx.task import TrainingContext
from models_onnx.time_split import ThinData, TimeSplit

HISTORY_DAYS = 56
TEST_WEEKS = 5
VALIDATION_WEEKS = 5
FEWEST_TRAINING_WEEKS = 4
MOST_TRAINING_WEEKS = 52

_HISTORY = """
    select
        dates.as_of_date,
        days.user_id,
        count(*) as visit_days,
        date_diff('day', max(days.activity_date), dates.as_of_date) as recency_days,
        date_diff('day', min(days.activity_date), dates.as_of_date) as days_since_first_purchase
    from features.user_activity_days as days
    inner join (select distinct as_of_date from features.churn_features) as dates on days.activity_date < dates.as_of_date
    where days.event_type = 'purchase'
    group by dates.as_of_date, days.user_id
"""
"""What BG/NBD sees of each customer on each as-of date."""

SETTINGS = TabularSettings(
    max_depth=3, eta=0.04, subsample=0.7, colsample_bytree=0.4, min_child_weight=50, strength=0.01, rounds=600, patience=30
)


def churn_split(horizon_days: int, first_day: date, data_until: date) -> TimeSplit:
    """Weekly as-of dates back from the newest whose horizon is over: 5 for test, 5 for validation, at most 52 for training.

    Between two parts so many weeks are left out that no label window of one reaches past the first date of the next; the
    oldest date has 56 days of history. Raises ThinData when fewer than 4 weeks would be left to train on.
    """
    gap = (horizon_days - 1) // 7
    most = TEST_WEEKS + VALIDATION_WEEKS + 2 * gap + MOST_TRAINING_WEEKS
    weeks = [data_until - timedelta(days=horizon_days + 7 * week) for week in range(most)]
    weeks = [week for week in weeks if week >= first_day + timedelta(days=HISTORY_DAYS)]
    fewest = TEST_WEEKS + VALIDATION_WEEKS + 2 * gap + FEWEST_TRAINING_WEEKS
    if len(weeks) < fewest:
        needed = HISTORY_DAYS + horizon_days + 7 * (fewest - 1)
        raise ThinData(f"the shop's history is {(data_until - first_day).days} days long and training needs {needed}")
    return TimeSplit(
        train=sorted(weeks[TEST_WEEKS + VALIDATION_WEEKS + 2 * gap :]),
        validation=sorted(weeks[TEST_WEEKS + gap : TEST_WEEKS + VALIDATION_WEEKS + gap]),
        test=sorted(weeks[:TEST_WEEKS]),
    )


@dataclass(frozen=True)
class ChurnTask(TabularTask):
    """A table's task whose rows also carry BG/NBD's answer, so that it can stand among the rules."""

    def parts(self, context: TrainingContext) -> Parts:
        """As a table's, with the column `bg_nbd`: P(no purchase in the horizon).

        BG/NBD needs no labels, so it is fitted to what was known on the first day of each part that has rows (on earlier ones
        nobody may have come back yet): to every customer the shop had by then, not to the active ones alone, for its chance to
        leave is learned from those who left. A day with purchases counts once, however many orders it holds.
        """
        parts = super().parts(context)
        for part in parts.values():
            if not len(part.labels):  # refused as too thin
                part.columns["bg_nbd"] = np.empty(0)
                continue
            model = fit_bg_nbd(*_customers(context, part.columns["as_of_date"].min().astype("datetime64[D]").item()))
            seen = part.columns["days_since_first_purchase"]
            last = seen - part.columns["recency_days"]
            part.columns["bg_nbd"] = model.no_purchase(part.columns["visit_days"] - 1, last, seen, self.horizon_days)
        return parts


def churn_task(name: str, horizon_days: int) -> ChurnTask:
    """The task of one horizon, 28 or 56 days; features/churn_labels.sql has a column for each."""

    def split(first_day: date, data_until: date) -> TimeSplit:
        return churn_split(horizon_days, first_day, data_until)

    return ChurnTask(
        name=name,
        title=f"an active user buys nothing in the {horizon_days} days from the as-of date on",
        horizon_days=horizon_days,
        feature_models=["churn_features", "churn_labels"],
        features_var="churn_features",
        examples_sql=f"""
            select
                features.as_of_date,
                features.user_id,
                labels.is_gone_{horizon_days}d as label,
                features.features,
                history.visit_days,
                history.recency_days,
                history.days_since_first_purchase
            from features.churn_features as features
            inner join features.churn_labels as labels
                on features.as_of_date = labels.as_of_date and features.user_id = labels.user_id
            inner join ({_HISTORY}) as history
                on features.as_of_date = history.as_of_date and features.user_id = history.user_id
            where labels.is_gone_{horizon_days}d is not null
        """,
        rules={
            "rule: days since the last purchase": lambda part: part.columns["recency_days"],
            "rule: pause against the usual rate": lambda part: (
                part.columns["recency_days"] * part.columns["visit_days"] / part.columns["days_since_first_purchase"]
            ),
            "rule: fewest visit days": lambda part: -part.columns["visit_days"] / part.columns["days_since_first_purchase"],
            "BG/NBD": lambda part: part.columns["bg_nbd"],
        },
        split=split,
        settings=SETTINGS,
        measure="auc",
        rule_feature="pause_chance_112d",
    )


def _customers(context: TrainingContext, day: date) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """x, t_x and T, in days, of everyone who bought before `day`."""
    found = context.connection.execute(
        f"""
        select visit_days - 1, days_since_first_purchase - recency_days, days_since_first_purchase
        from ({_HISTORY}) as history
        where as_of_date = $day
        order by user_id
        """,
        {"day": day},
    ).fetchnumpy()
    x, t_x, age = (np.asarray(column, dtype=np.float64) for column in found.values())
    return x, t_x, age
