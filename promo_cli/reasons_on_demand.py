"""Exact reasons of a score that is not on the shortlist of promotions.reason_shortlist, told by the model itself."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

_INPUTS = {"interest": "features.user_product_features", "promo_effect": "scores.promo_effect_inputs"}
"""Scores of a user and a product, and where their models' inputs are."""

_ROW = """
select inputs.as_of_date, inputs.features, scores.{score} as score, scores.model_name, scores.model_version
from {inputs} as inputs
inner join scores.{score}_scores as scores on inputs.user_id = scores.user_id and inputs.product_id = scores.product_id
where inputs.user_id = $user and inputs.product_id = $product
"""
_NAMES = "select feature, from_end from features.score_inputs where score = $score and not is_protected order by from_end desc"


def reasons_now(
    connection: "duckdb.DuckDBPyConnection", score: str, user: str, product: str
) -> tuple[list[dict[str, Any]], str | None]:
    """Rows like those of promotions.score_reasons for one of `_INPUTS`, strongest first, and why there are none.

    None and no word when the pair has no score.
    """
    from promo_cli.paths import models_path
    from udfs.model_registry import RULE_MARK, ModelRefused, ModelRegistry

    found = connection.execute(_ROW.format(score=score, inputs=_INPUTS[score]), {"user": user, "product": product}).fetchall()
    if not found:
        return [], None
    as_of_date, values, value, model_name, model_version = found[0]
    registry = ModelRegistry(models_path())
    name = model_name.removesuffix(RULE_MARK)
    try:
        present = registry.model_version(name)
        if present != model_version:
            return [], f"{name} {model_version} made the score, and {present} serves by now: run promo build"
        contributions, method = _explain(registry, name, values)
    except ModelRefused as error:
        return [], str(error)
    names = dict(connection.execute(_NAMES, {"score": score}).fetchall())
    told = [
        {
            "as_of_date": as_of_date,
            "score_name": score,
            "user_id": user,
            "item_id": product,
            "feature": feature,
            "feature_value": values[-from_end] if from_end <= len(values) else None,
            "contribution": contributions[-1 - from_end],
            "direction": "up" if contributions[-1 - from_end] > 0 else "down",
            "score": value,
            "base_value": contributions[-1],
            "scale": "difference" if model_name == "promo_effect" else "log_odds",
            "is_exact": True,
            "method": method,
            "model_name": model_name,
            "model_version": model_version,
        }
        for feature, from_end in names.items()
        if from_end < len(contributions) and contributions[-1 - from_end] != 0
    ]
    told.sort(key=lambda reason: -abs(reason["contribution"]))  # of equal ones that of the earlier entry stays first
    return [reason | {"reason_rank": place} for place, reason in enumerate(told, 1)], None


def _explain(registry: Any, name: str, values: list[float | None]) -> tuple[list[float], str]:
    """Contributions of one vector, the base value last, and how they were come by."""
    import numpy as np
    import pyarrow as pa

    from udfs.reasons import explain_column, explainer
    from udfs.served_models import load_scorer

    scorer = load_scorer(registry, name)
    (contributions,) = explain_column(scorer, False, pa.array([values], type=pa.list_(pa.float32()))).to_pylist()
    return [float(np.float32(value)) for value in contributions], explainer(scorer).attribution(fast=False)
