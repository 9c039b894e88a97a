-- competitor prices that keep the contract
select
    product_id,
    competitor,
    observed_at,
    price,
    observed_on,
    x_columns
from {{ ref('checked_competitor_prices') }}
where {{ array_size('reject_reasons') }} = 0
