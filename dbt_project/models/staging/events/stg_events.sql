-- events that keep the contract
select
    event_id,
    user_id,
    product_id,
    session_id,
    event_type,
    event_at,
    dwell_seconds,
    query,
    price,
    quantity,
    brand,
    category,
    event_on,
    x_columns
from {{ ref('checked_events') }}
where {{ array_size('reject_reasons') }} = 0
