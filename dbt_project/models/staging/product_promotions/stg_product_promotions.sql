-- product promotions that keep the contract
select
    product_id,
    week_start,
    mailer_stores,
    display_stores,
    x_columns
from {{ ref('checked_product_promotions') }}
where {{ array_size('reject_reasons') }} = 0
