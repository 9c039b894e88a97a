-- what each user did on each day, by kind of event: the daily roll-up that all looking back rests on
with purchases as (

    select
        user_id,
        ordered_on as activity_date,
        'purchase' as event_type,
        count(*) as events,
        count(distinct order_id) as visits,
        sum(quantity) as units,
        sum(coalesce(quantity * paid_price, 0)) as spend,
        sum(coalesce(quantity * list_price, 0)) as list_spend,
        cast(null as double) as dwell_seconds
    from {{ ref('stg_order_lines') }}
    where quantity > 0
    group by user_id, ordered_on

),

-- purchases are order lines already, also for a shop that has nothing but an event log
other_events as (

    select
        user_id,
        event_on as activity_date,
        event_type,
        count(*) as events,
        count(distinct session_id) + max(case when session_id is null then 1 else 0 end) as visits,
        0 as units,
        0 as spend,
        0 as list_spend,
        {{ exact_sum('dwell_seconds') }} as dwell_seconds
    from {{ ref('stg_events') }}
    where event_type <> 'purchase'
    group by user_id, event_on, event_type

),

activity as (

    select * from purchases
    union all
    select * from other_events

),

final as (

    select
        user_id,
        activity_date,
        event_type,
        cast(events as integer) as events,
        cast(visits as integer) as visits,
        cast(units as decimal(18, 3)) as units,
        cast(spend as decimal(18, 2)) as spend,
        cast(list_spend as decimal(18, 2)) as list_spend,
        dwell_seconds
    from activity

)

select * from final
