"""category_interest: does a user buy from one of the most bought categories in the next 14 days?"""

from datetime import date, timedelta

from models_onnx.tabular.fit import TabularSettings
from models_onnx.tabular.task import TabularTask
from models_onnx.time_split import ThinData, TimeSplit

HORIZON_DAYS = 14
HISTORY_DAYS = 56
TEST_WINDOWS = 2
VALIDATION_WINDOWS = 2
MOST_TRAINING_WINDOWS = 8


def category_split(first_day: date, data_until: date) -> TimeSplit:
    """As-of dates one label window apart: the 2 newest for test, 2 for validation, at most 8 before them for training.

    Label windows of two dates don't overlap; the oldest date has 56 days of history. Raises ThinData when there is none left
    to train on.
    """
    most = TEST_WINDOWS + VALIDATION_WINDOWS + MOST_TRAINING_WINDOWS
    days = [data_until - timedelta(days=HORIZON_DAYS * window) for window in range(1, most + 1)]
    days = [day for day in days if day >= first_day + timedelta(days=HISTORY_DAYS)]
    held_out = TEST_WINDOWS + VALIDATION_WINDOWS
    if len(days) <= held_out:
        needed = HORIZON_DAYS * (held_out + 1) + HISTORY_DAYS
        raise ThinData(f"the shop's history is {(data_until - first_day).days} days long and training needs {needed}")
    return TimeSplit(
        train=sorted(days[held_out:]), validation=sorted(days[TEST_WINDOWS:held_out]), test=sorted(days[:TEST_WINDOWS])
    )


TASK = TabularTask(
    name="category_interest",
    title=f"a user buys from a category in the {HORIZON_DAYS} days from the as-of date on",
    horizon_days=HORIZON_DAYS,
    feature_models=["user_category_features", "category_interest_labels"],
    features_var="category_interest_features",
    examples_sql="""
        select
            features.as_of_date,
            features.user_id,
            labels.is_bought as label,
            features.features,
            features.category,
            coalesce(history.purchase_days, 0) / cast(users.days_since_first_purchase as double) as personal_rate,
            avg(case when history.purchase_days > 0 then 1.0 else 0.0 end)
                over (partition by features.as_of_date, features.category) as buyer_share
        from features.user_category_features as features
        inner join features.category_interest_labels as labels
            on features.as_of_date = labels.as_of_date
            and features.user_id = labels.user_id
            and features.category = labels.category
        inner join features.user_features as users
            on features.as_of_date = users.as_of_date and features.user_id = users.user_id
        left join features.user_category_purchases as history
            on features.as_of_date = history.as_of_date
            and features.user_id = history.user_id
            and features.category = history.category
    """,
    rules={
        # the share of buyers puts categories the user never bought in order
        "rule: personal rate": lambda part: part.columns["personal_rate"] + 1e-6 * part.columns["buyer_share"],
        "rule: most bought": lambda part: part.columns["buyer_share"],
    },
    split=category_split,
    settings=TabularSettings(
        max_depth=6, eta=0.1, subsample=0.8, colsample_bytree=0.5, min_child_weight=50, rounds=250, patience=15
    ),
    measure="average_precision",
    rule_feature="own_affinity",
    most_training_rows=2_000_000,
)
