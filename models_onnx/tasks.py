"""The tasks there are, in the order in which `promo train` trains them; each module is imported when it is needed."""

from importlib import import_module

from models_onnx.task import Task
from models_onnx.trial import Trial

TASKS = {
    "purchase_intent": "models_onnx.purchase_intent.task",
    "purchase_intent_blend": "models_onnx.purchase_intent_blend.task",
    "interest": "models_onnx.interest.task",
    "subcategory_interest": "models_onnx.subcategory_interest.task",
    "category_interest": "models_onnx.category_interest.task",
    "promo_effect": "models_onnx.promo_effect.task",
    "campaign_redemption": "models_onnx.campaign_redemption.task",
    "coupon_redemption": "models_onnx.coupon_redemption.task",
    "churn_risk": "models_onnx.churn_risk.task",
    "churn_risk_56d": "models_onnx.churn_risk_56d.task",
    "topics": "models_onnx.topics.task",
    "behaviour_cluster": "models_onnx.behaviour_cluster.task",
    "price_response": "models_onnx.price_response.task",
}
"""Registered name -> module whose `TASK` it is."""

ALIASES = {"interest_linear": "interest", "promo_effect_linear": "promo_effect"}
"""Models that another task trains beside its own."""

TRIALS: dict[str, str] = {
    "click_intent": "models_onnx.click_intent.trial",
    "uplift_trial": "models_onnx.uplift.trial",
}
"""Experiments on a data file outside the shop, for `promo evaluate NAME --file PATH` -> module whose `TRIAL` it is."""


def task(name: str) -> Task:
    """The task `name`; raises KeyError for a name that is none."""
    found: Task = import_module(TASKS[name]).TASK
    return found


def trial(name: str) -> Trial:
    """The trial `name` (see `models_onnx/trial.py`); raises KeyError for a name that is none."""
    found: Trial = import_module(TRIALS[name]).TRIAL
    return found
