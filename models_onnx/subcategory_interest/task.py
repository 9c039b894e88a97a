"""subcategory_interest: how likely a user is to buy from a subcategory in the next 28 days, for ranking."""

from dataclasses import replace

from models_onnx.interest.ranked import SETTINGS, RankedTask

TASK = RankedTask(
    name="subcategory_interest",
    title="a user buys from a candidate subcategory in the 28 days from the as-of date on",
    key="subcategory",
    features_model="user_subcategory_features",
    labels_model="subcategory_interest_labels",
    further_models=[],
    names=lambda context: list(context.dbt_vars["subcategory_interest_features"]),
    popularity="item_buyer_share_28d",
    training_step_days=14,
    settings=replace(SETTINGS, min_child_weight=100, colsample_bytree=0.4, parallel_trees=3),
)
