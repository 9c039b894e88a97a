{#
    A whole model: what each user has done with each `key` (product_id, subcategory or category) before the as-of date. A
    purchase day counts 1 in an affinity, a cart or wish 0.3, a view 0.1, each halved every half-life: history_half_life_days of
    the policy, a third of it (short) and three times it (long). Read from the models `lines` and `events`.
#}
{% macro user_history(key, lines='stg_order_lines', events='stg_events') -%}
{%- set key_column = 'lines.product_id' if key == 'product_id' else 'products.' ~ key -%}
with as_of_dates as (

    select as_of_date from {{ ref('as_of_dates') }}

),

policy as (

    select {{ policy_value('history_half_life_days') }} as half_life_days

),

purchase_days as (

    select
        lines.user_id,
        {{ key_column }} as {{ key }},
        lines.ordered_on,
        sum(lines.quantity) as units,
        sum(lines.quantity * lines.paid_price) as spend,
        sum(lines.quantity * lines.list_price) as list_spend
    from {{ ref(lines) }} as lines
    inner join {{ ref('stg_products') }} as products on lines.product_id = products.product_id
    where
        lines.quantity > 0
        and {{ key_column }} is not null
    group by lines.user_id, {{ key_column }}, lines.ordered_on

),

-- a day's gap looks back alone: it is the same for every later as-of date
spaced_days as (

    select
        *,
        {{ days_between('lag(ordered_on) over (partition by user_id, ' ~ key ~ ' order by ordered_on)', 'ordered_on') }} as gap_days
    from purchase_days

),

interest_days as (

    select
        events.user_id,
        {{ key_column | replace('lines.', 'events.') }} as {{ key }},
        events.event_on,
        sum(case when events.event_type = 'view' then 1 else 0 end) as views,
        sum(case when events.event_type in ('cart', 'wishlist') then 1 else 0 end) as carts
    from {{ ref(events) }} as events
    inner join {{ ref('stg_products') }} as products on events.product_id = products.product_id
    where
        events.event_type in ('view', 'cart', 'wishlist')
        and {{ key_column | replace('lines.', 'events.') }} is not null
    group by events.user_id, {{ key_column | replace('lines.', 'events.') }}, events.event_on

),

touched as (

    select
        user_id,
        {{ key }},
        ordered_on as touched_on,
        1 as purchases,
        gap_days,
        units,
        spend,
        list_spend,
        0 as views,
        0 as carts
    from spaced_days

    union all

    select
        user_id,
        {{ key }},
        event_on as touched_on,
        0 as purchases,
        null as gap_days,
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
        touched.{{ key }},
        touched.purchases,
        touched.gap_days,
        touched.units,
        touched.spend,
        touched.list_spend,
        touched.views,
        touched.carts,
        touched.purchases + 0.3 * touched.carts + 0.1 * touched.views as strength,
        {{ days_between('touched.touched_on', 'as_of_dates.as_of_date') }} as days_ago,
        ln(2.0) * {{ days_between('touched.touched_on', 'as_of_dates.as_of_date') }} / policy.half_life_days as age
    from touched
    inner join as_of_dates on touched.touched_on < as_of_dates.as_of_date
    cross join policy

),

summed as (

    select
        as_of_date,
        user_id,
        {{ key }},
        sum(purchases) as purchase_days,
        min(case when purchases > 0 then days_ago end) as recency_days,
        max(case when purchases > 0 then days_ago end) as days_since_first_purchase,
        sum(case when days_ago <= 28 then purchases else 0 end) as purchase_days_28d,
        sum(case when days_ago <= 84 then purchases else 0 end) as purchase_days_84d,
        max(gap_days) as longest_gap_days,
        sum(gap_days * gap_days) as squared_gaps,
        sum(units) as units,
        sum(spend) as spend,
        sum(list_spend) as list_spend,
        sum(case when days_ago <= 28 then views else 0 end) as views_28d,
        sum(case when days_ago <= 28 then carts else 0 end) as carts_28d,
        min(case when views + carts > 0 then days_ago end) as days_since_last_view,
        {{ exact_sum('strength * exp(-age)') }} as affinity,
        {{ exact_sum('strength * exp(-3 * age)') }} as affinity_short,
        {{ exact_sum('strength * exp(-age / 3)') }} as affinity_long
    from looked_back
    group by as_of_date, user_id, {{ key }}

),

final as (

    select
        as_of_date,
        user_id,
        {{ key }},
        cast(purchase_days as integer) as purchase_days,
        cast(recency_days as integer) as recency_days,
        cast(days_since_first_purchase as integer) as days_since_first_purchase,
        cast(purchase_days_28d as integer) as purchase_days_28d,
        cast(purchase_days_84d as integer) as purchase_days_84d,
        (days_since_first_purchase - recency_days) / nullif(cast(purchase_days - 1 as double), 0) as mean_gap_days,
        cast(longest_gap_days as integer) as longest_gap_days,
        -- the sample deviation, from whole-number sums
        sqrt(
            (
                (purchase_days - 1) * squared_gaps
                - (days_since_first_purchase - recency_days) * (days_since_first_purchase - recency_days)
            ) / nullif(cast((purchase_days - 1) * (purchase_days - 2) as double), 0)
        ) as gap_deviation_days,
        cast(units as double) as units,
        cast(spend as double) as spend,
        cast(list_spend as double) as list_spend,
        cast(views_28d as integer) as views_28d,
        cast(carts_28d as integer) as carts_28d,
        cast(days_since_last_view as integer) as days_since_last_view,
        affinity,
        affinity_short,
        affinity_long
    from summed

)

select * from final
{%- endmacro %}

{# A whole model: user_history(`key`) of the days that are over, for statistics of all users; `history` itself while no day is open. #}
{% macro closed_user_history(key, history) -%}
    {{- config(materialized='table' if var('open_days') else 'view') -}}
    {%- if var('open_days') -%}
        {{ user_history(key, 'stg_closed_order_lines', 'stg_closed_events') }}
    {%- else -%}
        select * from {{ ref(history) }}
    {%- endif -%}
{%- endmacro %}
