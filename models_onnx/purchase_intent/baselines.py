"""What the purchase-intent network has to beat: pure functions over arrays, scored on the same rows.

Everything they see lies before the as-of date; a "visit-day" is a local day with at least one purchase.
"""

from dataclasses import dataclass

import numpy as np
import xgboost
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class WindowExamples:
    """Rows of the window learner: features float [N, F] (NaN = missing), labels [N] of 0 and 1."""

    features: Floats
    labels: Floats


def rule_scores(visit_days: Floats, observed_days: Floats, horizon_days: int = 7) -> Floats:
    """Personal rate: the chance of a visit within the horizon if the user's visits were a Poisson process.

    visit_days [N]: purchase days so far; observed_days [N]: days from the first of them to the as-of date (>= 1).
    Returns 1 - exp(-horizon * (visit_days + 1) / (observed_days + 7)), [N]; one visit and one week are added so that a
    newcomer is not judged by a single day.
    """
    rate = (visit_days + 1) / (observed_days + 7)
    return 1 - np.exp(-horizon_days * rate)


def recency_rate_features(recency_days: Floats, rate_per_day: Floats) -> Floats:
    """[N, 5]: log recency, log rate, their product, and the squares. Recency is >= 1 day, the rate > 0 a day."""
    recency, rate = np.log(recency_days), np.log(rate_per_day)
    return np.column_stack([recency, rate, recency * rate, recency**2, rate**2])


def recent_rate(recent_visit_days: Floats, observed_days: Floats, window_days: int = 112) -> Floats:
    """Visit-days a day [N] over the last `window_days`, or over the days observed when those are fewer; always > 0.

    recent_visit_days [N]: purchase days within the window; observed_days [N]: as in `rule_scores`. One visit and one
    week are added, as there.
    """
    return (recent_visit_days + 1) / (np.minimum(observed_days, window_days) + 7)


def logistic_scores(train_recency: Floats, train_rate: Floats, train_labels: Floats, recency: Floats, rate: Floats) -> Floats:
    """Logistic regression on recency [N] (days) x rate [N] (see `recent_rate`), fitted on the first three arguments.

    Returns the scores [M] of the last two.
    """
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(recency_rate_features(train_recency, train_rate), train_labels)
    return model.predict_proba(recency_rate_features(recency, rate))[:, 1]


def xgboost_scores(
    train: WindowExamples, validation: WindowExamples, features: Floats, seed: int = 0, threads: int = 2
) -> NDArray[np.float32]:
    """Boosted trees on window features; the number of trees is the best one on validation.

    Returns the scores float32 [M] of `features` [M, F]. Source: Chen and Guestrin, 2016.
    """
    parameters = {
        "objective": "binary:logistic",
        "eval_metric": "auc",
        "max_depth": 5,
        "eta": 0.05,
        "subsample": 0.8,
        "colsample_bytree": 0.8,
        "min_child_weight": 20,
        "seed": seed,
        "nthread": threads,
    }
    booster = xgboost.train(
        parameters,
        xgboost.DMatrix(train.features, label=train.labels),
        num_boost_round=400,
        evals=[(xgboost.DMatrix(validation.features, label=validation.labels), "validation")],
        early_stopping_rounds=30,
        verbose_eval=False,
    )
    return booster.inplace_predict(features, iteration_range=(0, booster.best_iteration + 1))
