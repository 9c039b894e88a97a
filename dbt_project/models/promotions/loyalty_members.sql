-- who is in the loyalty programme, from when on purchases earn points here, and the points that qualify for a tier
{{ config(materialized='table') }}
{% set since = var('loyalty_since') or '1970-01-02' %}
with dates as (

    {{ scoring_day('as_of_at') }}

),

accounts as (

    select
        user_id,
        tier,
        points,
        joined_at,
        balance_at
    from {{ ref('stg_loyalty_accounts') }}

),

members as (

    -- the shop's own balance holds all that came before it was counted
    select
        dates.as_of_date,
        accounts.user_id,
        'shop' as run_by,
        accounts.tier as shop_tier,
        accounts.joined_at,
        least(coalesce(accounts.balance_at, dates.as_of_at), dates.as_of_at) as counts_from,
        greatest(accounts.points, 0) as opening_points
    from accounts
    cross join dates

    union all

    select
        dates.as_of_date,
        users.user_id,
        'policy' as run_by,
        cast(null as string) as shop_tier,
        users.signed_up_at as joined_at,
        {{ utc_midnight("cast('" ~ since ~ "' as date)") }} as counts_from,
        0 as opening_points
    from {{ ref('stg_users') }} as users
    cross join dates
    where
        {{ policy_value('loyalty_programme') }} = 1
        and not exists (select 1 from accounts)

),

returned as (

    {{ returned_quantities() }}

),

spent as (

    select
        lines.user_id,
        sum(lines.paid_price * greatest(lines.quantity - coalesce(returned.quantity, 0), 0)) as spend
    from {{ ref('stg_order_lines') }} as lines
    cross join dates
    left join returned on lines.order_id = returned.order_id and lines.line_number = returned.line_number
    where
        lines.ordered_on >= {{ add_days('dates.as_of_date', '-' ~ policy_value('loyalty_window_days')) }}
        and lines.ordered_on >= cast('{{ since }}' as date)
    group by lines.user_id

),

final as (

    select
        members.as_of_date,
        members.user_id,
        members.run_by,
        members.shop_tier,
        members.joined_at,
        members.counts_from,
        cast(members.opening_points as decimal(18, 2)) as opening_points,
        {{ points_for('coalesce(spent.spend, 0)') }} as qualifying_points
    from members
    left join spent on members.user_id = spent.user_id

)

select * from final
