"""campaign_redemption: does a receiver of a campaign redeem any of its coupons while it runs?"""

from models_onnx.redemption.recipe import Recipe
from models_onnx.redemption.task import RedemptionTask, redemption_examples

TASK = RedemptionTask(
    name="campaign_redemption",
    title="a receiver of a campaign redeems any of its coupons while it runs",
    feature_models=["campaign_redemption_features", "campaign_redemption_labels"],
    features_var="campaign_redemption_features",
    examples_sql=redemption_examples("campaign_id"),
    rule_name="rule: past redemptions",
    rule_feature="redemption_rate",
    measure="auc",
    recipe=Recipe(),
)
