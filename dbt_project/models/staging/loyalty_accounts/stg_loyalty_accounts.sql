-- loyalty accounts that keep the contract
select
    user_id,
    tier,
    points,
    joined_at,
    balance_at,
    x_columns
from {{ ref('checked_loyalty_accounts') }}
where {{ array_size('reject_reasons') }} = 0
