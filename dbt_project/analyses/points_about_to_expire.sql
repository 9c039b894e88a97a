-- Whose points expire within 30 days, and what are they worth? A reason to write to somebody who has not bought for a while.
with final as (

    select
        status.user_id,
        status.tier,
        segments.life_cycle,
        segments.recency_days,
        status.points_balance,
        status.points_value,
        status.points_expiring_30d,
        status.next_expiry_on
    from {{ ref('loyalty_status') }} as status
    inner join {{ ref('user_segments') }} as segments on status.user_id = segments.user_id
    where status.points_expiring_30d > 0

)

select * from final
order by points_expiring_30d desc, user_id
limit 50
