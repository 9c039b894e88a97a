-- coupon redemptions that keep the contract
select
    redemption_id,
    coupon_id,
    user_id,
    order_id,
    redeemed_at,
    discount,
    redeemed_on,
    x_columns
from {{ ref('checked_coupon_redemptions') }}
where {{ array_size('reject_reasons') }} = 0
