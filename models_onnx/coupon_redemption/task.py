"""coupon_redemption: which of a campaign's coupons does a receiver redeem while it runs?

Which coupons a receiver was handed may be unknown (in Complete Journey each receiver of a campaign of type A got about 16 of
some 209, unsaid which). Every coupon of the campaign then counts as received, in training as in serving: the score is the
chance of being handed the coupon and redeeming it.
"""

from models_onnx.redemption.recipe import Recipe
from models_onnx.redemption.task import RedemptionTask, redemption_examples

TASK = RedemptionTask(
    name="coupon_redemption",
    title="a receiver of a campaign redeems this coupon of it while it runs",
    feature_models=["coupon_redemption_features", "coupon_redemption_labels"],
    features_var="coupon_redemption_features",
    examples_sql=redemption_examples("coupon_id"),
    rule_name="rule: redemptions × purchases",
    rule_feature="redemptions_by_purchases",
    measure="average_precision",
    recipe=Recipe(
        max_depth=5,
        eta=0.03,
        rounds=200,
        subsample=0.8,
        colsample_bytree=0.3,
        min_child_weight=10,
        negatives_per_positive=60,
    ),
)
