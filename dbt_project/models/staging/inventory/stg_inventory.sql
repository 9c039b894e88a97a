-- inventory that keep the contract
select
    product_id,
    as_of_date,
    stock_on_hand,
    x_columns
from {{ ref('checked_inventory') }}
where {{ array_size('reject_reasons') }} = 0
