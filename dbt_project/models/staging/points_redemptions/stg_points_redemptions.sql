-- redemptions of points that keep the contract
select
    redemption_id,
    user_id,
    order_id,
    points,
    redeemed_at,
    redeemed_on,
    x_columns
from {{ ref('checked_points_redemptions') }}
where {{ array_size('reject_reasons') }} = 0
