"""interest: how likely a user is to buy a candidate product in the next 28 days; the article's linear form beside the trees."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models_onnx.evaluation import binary_metrics
from models_onnx.interest.ranked import RankedTask, ranks
from models_onnx.tabular.examples import Parts
from models_onnx.tabular.fit import scores_of
from models_onnx.task import Trained, TrainingContext
from udfs.interest import LinearInterestScorer

LINEAR = "interest_linear"
LINEAR_FILE = "linear.json"


def feature_names(context: TrainingContext) -> list[str]:
    """User sides of the pairs, their product sides, then the rest."""
    pairs = context.dbt_vars["interest_pairs"]
    return [pair[0] for pair in pairs] + [pair[1] for pair in pairs] + list(context.dbt_vars["interest_features"])


def linear_form(context: TrainingContext, parts: Parts, names: list[str], card: dict[str, Any]) -> dict[str, Trained]:
    """I(u, p) = σ(W · (u ∘ p) + b), W and b by logistic regression on the products of the pairs.

    It is served where a shop asks for the article's form, so nothing gates it.
    """
    pairs = len(context.dbt_vars["interest_pairs"])
    train = parts["train"]
    products = _products(train.features, pairs)
    scale = products.std(axis=0)
    scale[scale == 0] = 1
    fitted = LogisticRegression(max_iter=500).fit(products / scale, train.labels)
    form = {
        "weights": (fitted.coef_[0] / scale).tolist(),
        "bias": float(fitted.intercept_[0]),
        "pairs": pairs,
        "feature_count": len(names),
    }
    content = (json.dumps(form, indent=2) + "\n").encode()
    scorer = LinearInterestScorer(LINEAR, content)
    scores = {window: scores_of(scorer, parts[window].features) for window in ("validation", "test")}
    kept = ("task", "horizon_days", "features", "split", "ranking")
    return {
        LINEAR: Trained(
            kind="linear",
            file=LINEAR_FILE,
            files={LINEAR_FILE: content},
            card={name: card[name] for name in kept} | {"form": "σ(W · (u ∘ p) + b) over the pairs", "pairs": pairs},
            metrics={
                LINEAR: {
                    window: binary_metrics(parts[window].labels, found) | ranks(parts[window], found)
                    for window, found in scores.items()
                }
            },
            judge=None,
            test_inputs=parts["test"].features,
            test_scores=scores["test"],
        )
    }


def _products(features: NDArray[np.float32], pairs: int) -> NDArray[np.float64]:
    known = np.nan_to_num(features[:, : 2 * pairs].astype(np.float64))
    return known[:, :pairs] * known[:, pairs:]


TASK = RankedTask(
    name="interest",
    title="a user buys a candidate product in the 28 days from the as-of date on",
    key="product_id",
    features_model="user_product_features",
    labels_model="interest_labels",
    further_models=["candidate_products"],
    names=feature_names,
    popularity="product_buyers_28d",
    also=linear_form,
)
