-- open baskets that keep the contract
select
    basket_id,
    line_number,
    user_id,
    product_id,
    quantity,
    unit_price,
    coupon_ids,
    quoted_at,
    x_columns
from {{ ref('checked_baskets') }}
where {{ array_size('reject_reasons') }} = 0
