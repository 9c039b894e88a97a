-- what each user did on each day, by kind of event: the daily roll-up that all looking back rests on
with orders as (

    select
        user_id,
        ordered_on as activity_date,
        'purchase' as event_type,
        count(*) as events,
        sum(quantity) as units,
        sum(coalesce(quantity * paid_price, 0)) as spend,
        sum(coalesce(quantity * list_price, 0)) as list_spend,
        {{ exact('null') }} as dwell_seconds
    from {{ ref('stg_order_lines') }}
    where quantity > 0
    group by user_id, ordered_on, order_id

),

-- purchases are order lines already, also for a shop that has nothing but an event log
sessions as (

    select
        user_id,
        event_on as activity_date,
        event_type,
        count(*) as events,
        0 as units,
        0 as spend,
        0 as list_spend,
        sum({{ exact('dwell_seconds') }}) as dwell_seconds
    from {{ ref('stg_events') }}
    where event_type <> 'purchase'
    group by user_id, event_on, event_type, session_id

),

-- an order or a session on a day is a visit: counted so, and not by distinct names, it takes two sums and little memory
activity as (

    select * from orders
    union all
    select * from sessions

),

final as (

    select
        user_id,
        activity_date,
        event_type,
        cast(sum(events) as integer) as events,
        cast(count(*) as integer) as visits,
        cast(sum(units) as decimal(18, 3)) as units,
        cast(sum(spend) as decimal(18, 2)) as spend,
        cast(sum(list_spend) as decimal(18, 2)) as list_spend,
        cast(sum(dwell_seconds) as double) as dwell_seconds
    from activity
    group by user_id, activity_date, event_type

)

select * from final
