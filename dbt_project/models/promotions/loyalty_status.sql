-- each member today: tier, since when, points, what expires soon, what is missing to the next tier
{{ config(materialized='table') }}
with members as (

    select * from {{ ref('loyalty_members') }}

),

tiers as (

    select
        tier,
        rank,
        lead(tier) over (order by rank) as next_tier,
        lead(enter_points) over (order by rank) as next_points
    from {{ ref('loyalty_tiers') }}

),

changes as (

    select
        changes.*,
        row_number() over (partition by changes.user_id order by changes.as_of_date desc) as recency
    from {{ ref('loyalty_tier_changes') }} as changes
    inner join members on changes.user_id = members.user_id and changes.as_of_date <= members.as_of_date

),

balances as (

    select
        points.user_id,
        sum(points.points) as balance,
        sum(case
            when points.expires_on <= {{ add_days('members.as_of_date', 30) }} then points.points_left
        end) as expiring,
        min(case when points.points_left > 0 then points.expires_on end) as next_expiry_on
    from {{ ref('loyalty_points') }} as points
    inner join members on points.user_id = members.user_id
    group by points.user_id

),

final as (

    select
        members.as_of_date,
        members.user_id,
        members.run_by,
        changes.tier,
        changes.tier_since,
        changes.points_multiplier,
        members.joined_at,
        members.qualifying_points,
        case when members.run_by = 'policy' then tiers.next_tier end as next_tier,
        cast(case
            when members.run_by = 'policy' and tiers.next_tier is not null
                then greatest(tiers.next_points - members.qualifying_points, 0)
        end as decimal(18, 2)) as points_to_next_tier,
        cast(coalesce(balances.balance, 0) as decimal(18, 2)) as points_balance,
        {{ rounded_half_up('coalesce(balances.balance, 0) * ' ~ point_value()) }} as points_value,
        cast(coalesce(balances.expiring, 0) as decimal(18, 2)) as points_expiring_30d,
        balances.next_expiry_on
    from members
    inner join changes on members.user_id = changes.user_id and changes.recency = 1
    left join tiers on changes.tier = tiers.tier
    left join balances on members.user_id = balances.user_id

)

select * from final
