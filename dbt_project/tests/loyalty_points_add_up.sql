-- the sum of a member's entries, the last balance, what is left of all earned entries, and the status are one number
with ledger as (

    select
        user_id,
        sum(points) as points,
        max_by(balance_after, entry_number) as last_balance,
        sum(points_left) as points_left
    from {{ ref('loyalty_points') }}
    group by user_id

)

select
    status.user_id,
    status.points_balance,
    ledger.points,
    ledger.last_balance,
    ledger.points_left
from {{ ref('loyalty_status') }} as status
left join ledger on status.user_id = ledger.user_id
where
    status.points_balance <> coalesce(ledger.points, 0)
    or status.points_balance <> coalesce(ledger.last_balance, 0)
    or status.points_balance <> coalesce(ledger.points_left, 0)
