-- what each user did on each day, by kind of event: the daily roll-up that all looking back rests on
with purchases as (

    select
        order_lines.user_id,
        order_lines.ordered_on as activity_date,
        'purchase' as event_type,
        order_lines.order_id as visit_id,
        coalesce(products.category, 'unknown') as category,
        order_lines.quantity as units,
        coalesce(order_lines.quantity * order_lines.paid_price, 0) as spend,
        coalesce(order_lines.quantity * order_lines.list_price, 0) as list_spend,
        cast(null as double) as dwell_seconds
    from {{ ref('stg_order_lines') }} as order_lines
    left join {{ ref('stg_products') }} as products on order_lines.product_id = products.product_id
    where order_lines.quantity > 0

),

-- purchases are order lines already, also for a shop that has nothing but an event log
other_events as (

    select
        events.user_id,
        events.event_on as activity_date,
        events.event_type,
        coalesce(events.session_id, cast(events.event_on as string)) as visit_id,
        coalesce(products.category, events.category, 'unknown') as category,
        cast(0 as decimal(18, 3)) as units,
        cast(0 as decimal(18, 2)) as spend,
        cast(0 as decimal(18, 2)) as list_spend,
        events.dwell_seconds
    from {{ ref('stg_events') }} as events
    left join {{ ref('stg_products') }} as products on events.product_id = products.product_id
    where events.event_type <> 'purchase'

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
        cast(count(*) as integer) as events,
        cast(count(distinct visit_id) as integer) as visits,
        cast(count(distinct category) as integer) as categories,
        cast(sum(units) as decimal(18, 3)) as units,
        cast(sum(spend) as decimal(18, 2)) as spend,
        cast(sum(list_spend) as decimal(18, 2)) as list_spend,
        {{ exact_sum('dwell_seconds') }} as dwell_seconds
    from activity
    group by user_id, activity_date, event_type

)

select * from final
