-- the promotions and products that each user has hidden and is not to see again
{{ config(materialized='table') }}

with dates as (

    select
        as_of_date,
        {{ utc_midnight('as_of_date') }} as as_of_at
    from {{ ref('as_of_dates') }}

),

policy as (

    select {{ policy_value('hide_days') }} as hide_days

),

hidden as (

    select
        user_id,
        given_at,
        given_on,
        'promotion' as item_kind,
        promotion_id as item_id
    from {{ ref('offer_verdicts') }}
    where
        verdict = 'hide'
        and promotion_id is not null

    union all

    select
        user_id,
        given_at,
        given_on,
        'product' as item_kind,
        product_id as item_id
    from {{ ref('offer_verdicts') }}
    where
        verdict = 'hide'
        and is_pick

),

final as (

    select
        dates.as_of_date,
        hidden.user_id,
        hidden.item_kind,
        hidden.item_id,
        max(hidden.given_on) as hidden_on,
        max(case when policy.hide_days > 0 then {{ add_days('hidden.given_on', 'policy.hide_days') }} end) as hidden_until
    from hidden
    inner join dates on hidden.given_at < dates.as_of_at
    cross join policy
    where
        policy.hide_days = 0
        or {{ days_between('hidden.given_on', 'dates.as_of_date') }} <= policy.hide_days
    group by dates.as_of_date, hidden.user_id, hidden.item_kind, hidden.item_id

)

select * from final
