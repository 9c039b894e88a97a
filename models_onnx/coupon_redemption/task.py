"""coupon_redemption: which of a campaign's coupons does a receiver redeem while it runs?

Which coupons a receiver was handed may be unknown (in Complete Journey each receiver of a campaign of type A got about 16 of
some 209, unsaid which). Every coupon of the campaign then counts as received, in training as in serving: the score is the
chance of being handed the coupon and redeeming it.
"""

from models_onnx.redemption.recipe import Recipe
from models_onnx.redemption.task import RedemptionTask

TASK = RedemptionTask(
    name="coupon_redemption",
    title="a receiver of a campaign redeems this coupon of it while it runs",
    feature_models=["coupon_redemption_features", "coupon_redemption_labels"],
    features_var="coupon_redemption_features",
    examples_sql="""
        select
            features.as_of_date,
            features.user_id,
            features.campaign_id,
            features.coupon_id,
            windows.ends_on,
            labels.user_id is not null as is_over,
            coalesce(labels.is_redeemed, redeemed.user_id is not null) as label,
            features.features
        from features.coupon_redemption_features as features
        inner join features.campaign_redemption_features as receivers
            on
                features.as_of_date = receivers.as_of_date
                and features.campaign_id = receivers.campaign_id
                and features.user_id = receivers.user_id
        inner join features.campaign_windows as windows
            on features.as_of_date = windows.as_of_date and features.campaign_id = windows.campaign_id
        left join features.coupon_redemption_labels as labels
            on
                features.as_of_date = labels.as_of_date
                and features.coupon_id = labels.coupon_id
                and features.user_id = labels.user_id
        left join (
            select distinct
                windows.as_of_date,
                coupons.coupon_id,
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
                and features.coupon_id = redeemed.coupon_id
                and features.user_id = redeemed.user_id
        where receivers.is_recorded and features.as_of_date = windows.starts_on
    """,
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
