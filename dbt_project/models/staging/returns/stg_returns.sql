-- returns that keep the contract
select
    order_id,
    line_number,
    returned_at,
    quantity,
    refund,
    returned_on,
    x_columns
from {{ ref('checked_returns') }}
where {{ array_size('reject_reasons') }} = 0
