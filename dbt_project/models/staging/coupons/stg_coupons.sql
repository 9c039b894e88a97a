-- coupons that keep the contract
select
    coupon_id,
    campaign_id,
    kind,
    face_value,
    percent_off,
    min_spend,
    valid_from,
    valid_to,
    max_redemptions,
    per_user_limit,
    x_columns
from {{ ref('checked_coupons') }}
where {{ array_size('reject_reasons') }} = 0
