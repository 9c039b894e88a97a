-- coupon products that keep the contract
select
    coupon_id,
    product_id,
    x_columns
from {{ ref('checked_coupon_products') }}
where {{ array_size('reject_reasons') }} = 0
