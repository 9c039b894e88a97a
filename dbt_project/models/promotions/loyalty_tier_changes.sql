-- the day a member's tier, or what it earns, changed: a decision on record, from which the next one follows
{{ config(
    materialized='incremental',
    unique_key='as_of_date',
    incremental_strategy='delete+insert',
    on_schema_change='fail',
    full_refresh=false,
    pre_hook=["{{ remember_rows() }}", "{{ forget_offers_of_the_day() }}"],
    post_hook="{{ note_changed_rows() }}"
) }}
-- depends_on: {{ ref('as_of_dates') }}
-- no decision rests on a policy with faults: depends_on {{ ref('policy_faults') }}
with members as (

    select * from {{ ref('loyalty_members') }}

),

tiers as (

    select * from {{ ref('loyalty_tiers') }}

),

held as (

    {% if is_incremental() -%}
    select
        changes.user_id,
        max_by(changes.tier, changes.as_of_date) as tier,
        max_by(changes.tier_since, changes.as_of_date) as tier_since,
        max_by(changes.points_multiplier, changes.as_of_date) as points_multiplier
    from {{ this }} as changes
    inner join members on changes.user_id = members.user_id and changes.as_of_date < members.as_of_date
    group by changes.user_id
    {%- else -%}
    select
        cast(null as string) as user_id,
        cast(null as string) as tier,
        cast(null as date) as tier_since,
        cast(null as double) as points_multiplier
    from members
    where false
    {%- endif %}

),

placed as (

    select
        members.as_of_date,
        members.user_id,
        members.run_by,
        members.shop_tier,
        members.qualifying_points,
        held.tier as former_tier,
        held.tier_since as former_since,
        held.points_multiplier as former_multiplier,
        former.rank as former_rank,
        -- the best tier whose door is open, and the best below the present one that would be kept
        max_by(tiers.tier, case when members.qualifying_points >= tiers.enter_points then tiers.rank end) as entered_tier,
        max(case when members.qualifying_points >= tiers.enter_points then tiers.rank end) as entered_rank,
        max_by(
            tiers.tier,
            case when members.qualifying_points >= tiers.stay_points and tiers.rank < former.rank then tiers.rank end
        ) as lower_tier,
        members.qualifying_points < former.stay_points
        and {{ days_between('held.tier_since', 'members.as_of_date') }} >= former.min_days_in_tier as is_lost
    from members
    cross join tiers
    left join held on members.user_id = held.user_id
    left join tiers as former on held.tier = former.tier
    group by
        members.as_of_date, members.user_id, members.run_by, members.shop_tier, members.qualifying_points,
        held.tier, held.tier_since, held.points_multiplier, former.rank, former.stay_points, former.min_days_in_tier

),

dealt as (

    select
        *,
        case
            when run_by = 'shop' then shop_tier
            when former_rank is null or entered_rank > former_rank then entered_tier
            when is_lost then lower_tier
            else former_tier
        end as tier
    from placed

),

earning as (

    select
        dealt.*,
        coalesce(tiers.points_multiplier, 1) as points_multiplier,
        tiers.rank
    from dealt
    left join tiers on dealt.tier = tiers.tier

),

final as (

    select
        as_of_date,
        user_id,
        tier,
        case when tier = former_tier then former_since else as_of_date end as tier_since,
        former_tier,
        qualifying_points,
        cast(points_multiplier as double) as points_multiplier,
        case
            when former_tier is null then 'JOINED'
            when tier = former_tier then 'TERMS'
            when run_by = 'shop' then 'SHOP'
            when former_rank is null then 'TIERS_RENAMED'
            when rank > former_rank then 'UP'
            else 'DOWN'
        end as reason
    from earning
    where
        former_tier is null
        or tier <> former_tier
        or points_multiplier <> former_multiplier

)

select * from final
