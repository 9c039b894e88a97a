-- price history that keep the contract
select
    product_id,
    as_of_date,
    price,
    x_columns
from {{ ref('checked_price_history') }}
where {{ array_size('reject_reasons') }} = 0
