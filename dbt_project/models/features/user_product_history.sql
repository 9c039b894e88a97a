-- what each user has done with each product before the as-of date
with as_of_dates as (

    select as_of_date from {{ ref('as_of_dates') }}

),

policy as (

    select {{ policy_value('history_half_life_days') }} as half_life_days

),

purchase_days as (

    select
        lines.user_id,
        lines.product_id,
        lines.ordered_on,
        sum(lines.quantity) as units,
        sum(lines.quantity * lines.paid_price) as spend,
        sum(lines.quantity * lines.list_price) as list_spend
    from {{ ref('stg_order_lines') }} as lines
    inner join {{ ref('stg_products') }} as products on lines.product_id = products.product_id
    where lines.quantity > 0
    group by lines.user_id, lines.product_id, lines.ordered_on

),

interest_days as (

    select
        events.user_id,
        events.product_id,
        events.event_on,
        sum(case when events.event_type = 'view' then 1 else 0 end) as views,
        sum(case when events.event_type in ('cart', 'wishlist') then 1 else 0 end) as carts
    from {{ ref('stg_events') }} as events
    inner join {{ ref('stg_products') }} as products on events.product_id = products.product_id
    where events.event_type in ('view', 'cart', 'wishlist')
    group by events.user_id, events.product_id, events.event_on

),

touched as (

    select
        user_id,
        product_id,
        ordered_on as touched_on,
        1 as purchases,
        units,
        spend,
        list_spend,
        0 as views,
        0 as carts
    from purchase_days

    union all

    select
        user_id,
        product_id,
        event_on as touched_on,
        0 as purchases,
        cast(0 as decimal(18, 3)) as units,
        cast(0 as decimal(18, 2)) as spend,
        cast(0 as decimal(18, 2)) as list_spend,
        views,
        carts
    from interest_days

),

looked_back as (

    select
        as_of_dates.as_of_date,
        touched.user_id,
        touched.product_id,
        touched.purchases,
        touched.units,
        touched.spend,
        touched.list_spend,
        touched.views,
        touched.carts,
        {{ days_between('touched.touched_on', 'as_of_dates.as_of_date') }} as days_ago,
        exp(
            -ln(2.0) * {{ days_between('touched.touched_on', 'as_of_dates.as_of_date') }} / policy.half_life_days
        ) as decay
    from touched
    inner join as_of_dates on touched.touched_on < as_of_dates.as_of_date
    cross join policy

),

final as (

    select
        as_of_date,
        user_id,
        product_id,
        cast(sum(purchases) as integer) as purchase_days,
        cast(min(case when purchases > 0 then days_ago end) as integer) as recency_days,
        cast(max(case when purchases > 0 then days_ago end) as integer) as days_since_first_purchase,
        cast(sum(units) as double) as units,
        cast(sum(spend) as double) as spend,
        cast(sum(list_spend) as double) as list_spend,
        cast(sum(case when days_ago <= 28 then views else 0 end) as integer) as views_28d,
        cast(sum(case when days_ago <= 28 then carts else 0 end) as integer) as carts_28d,
        cast(min(case when views + carts > 0 then days_ago end) as integer) as days_since_last_view,
        -- a purchase day counts 1, a cart or wish 0.3, a view 0.1 of one, each halved every half-life
        {{ exact_sum('decay * (purchases + 0.3 * carts + 0.1 * views)') }} as affinity
    from looked_back
    group by as_of_date, user_id, product_id

)

select * from final
