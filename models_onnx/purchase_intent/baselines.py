"""What the purchase-intent network has to beat: pure functions over arrays, scored on the same rows.

Everything they see lies before the as-of date; a "visit-day" is a local day with at least one purchase.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models_onnx.purchase_intent.examples import WINDOWS, IntentPart

Floats = NDArray[np.floating[Any]]


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


def intent_baselines(parts: Mapping[str, IntentPart]) -> dict[str, dict[str, Floats]]:
    """{baseline: {"validation": scores, "test": scores}} of parts train, validation and test: the rule, and the logistic
    regression fitted on train.
    """
    recency = {name: part.column("recency_days") for name, part in parts.items()}
    observed = {name: part.column("days_since_first_purchase") for name, part in parts.items()}
    rate = {name: recent_rate(part.column("visit_days_112d"), observed[name]) for name, part in parts.items()}
    # Visits of the last 364 days and what is observed of them: all there are, for the shops that training can begin with.
    rule = {name: rule_scores(part.column("visit_days_364d"), np.minimum(observed[name], 364)) for name, part in parts.items()}
    learned = {
        name: logistic_scores(recency["train"], rate["train"], parts["train"].labels, recency[name], rate[name])
        for name in WINDOWS
    }
    return {"rule: personal rate": {name: rule[name] for name in WINDOWS}, "logistic: recency × rate": learned}
