"""campaign_redemption: does a receiver of a campaign redeem any of its coupons while it runs?"""

from models_onnx.redemption.recipe import Recipe
from models_onnx.redemption.task import RedemptionTask

TASK = RedemptionTask(
    name="campaign_redemption",
    title="a receiver of a campaign redeems any of its coupons while it runs",
    feature_models=["campaign_redemption_features", "campaign_redemption_labels"],
    features_var="campaign_redemption_features",
    examples_sql="""
        select
            features.as_of_date,
            features.user_id,
            features.campaign_id,
            windows.ends_on,
            labels.user_id is not null as is_over,
            coalesce(labels.is_redeemed, redeemed.user_id is not null) as label,
            features.features
        from features.campaign_redemption_features as features
        inner join features.campaign_windows as windows
            on features.as_of_date = windows.as_of_date and features.campaign_id = windows.campaign_id
        left join features.campaign_redemption_labels as labels
            on
                features.as_of_date = labels.as_of_date
                and features.campaign_id = labels.campaign_id
                and features.user_id = labels.user_id
        left join (
            select distinct
                windows.as_of_date,
                windows.campaign_id,
                redemptions.user_id
            from features.campaign_windows as windows
            inner join staging.stg_coupons as coupons on windows.campaign_id = coupons.campaign_id
            inner join staging.stg_coupon_redemptions as redemptions
                on
                    coupons.coupon_id = redemptions.coupon_id
                    and redemptions.redeemed_at >= windows.starts_at
                    and redemptions.redeemed_at < windows.ends_at
        ) as redeemed
            on
                features.as_of_date = redeemed.as_of_date
                and features.campaign_id = redeemed.campaign_id
                and features.user_id = redeemed.user_id
        where features.is_recorded and features.as_of_date = windows.starts_on
    """,
    rule_name="rule: past redemptions",
    rule_feature="redemption_rate",
    measure="auc",
    recipe=Recipe(),
)
