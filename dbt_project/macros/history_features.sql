{#
    CTEs up to `named`: what the models of subcategory_interest and category_interest see of a user and an item. They begin after
    a CTE `candidates` (as_of_date, user_id, `key`) and read `history`, a model made of user_history(`key`), and `statistics`, the
    model of item_statistics(`key`) over it. With `parents`, a CTE (`key`, parent), come too: features of the item's parent, of the
    item's place among all that the user buys, and of how widely the user buys.
#}
{% macro history_features(key, history, statistics, parents=none) -%}
history as {{ inlined() }}(

    select * from {{ ref(history) }}

),

users as (

    select * from {{ ref('user_features') }}

),

-- an item as all its buyers treat it
items as (

    select * from {{ ref(statistics) }}
    where buyers > 0

),
{% if parents %}
parent_history as (

    select
        history.as_of_date,
        history.user_id,
        {{ parents }}.parent,
        sum(history.purchase_days) as purchase_days,
        sum(history.purchase_days_28d) as purchase_days_28d,
        min(history.recency_days) as recency_days
    from history
    inner join {{ parents }} on history.{{ key }} = {{ parents }}.{{ key }}
    group by history.as_of_date, history.user_id, {{ parents }}.parent

),

-- an item's place among all that the user buys
places as (

    select
        as_of_date,
        user_id,
        {{ key }},
        row_number() over (partition by as_of_date, user_id order by affinity desc, {{ key }}) as place,
        row_number() over (partition by as_of_date, user_id order by affinity_short desc, {{ key }}) as place_lately
    from history
    where purchase_days > 0

),

-- how widely a user buys; earlier are the items of 29 to 84 days ago, returned those of them bought since
breadths as (

    select
        as_of_date,
        user_id,
        count(*) as items,
        sum(case when purchase_days_28d > 0 then 1 else 0 end) as items_28d,
        sum(case when purchase_days_84d > 0 then 1 else 0 end) as items_84d,
        sum(purchase_days_28d) as purchase_days_28d,
        sum(case when purchase_days_84d > purchase_days_28d then 1 else 0 end) as earlier_items,
        sum(case when purchase_days_84d > purchase_days_28d and purchase_days_28d > 0 then 1 else 0 end) as returned_items,
        {{ exact_sum('affinity') }} as affinity
    from history
    where purchase_days > 0
    group by as_of_date, user_id

),
{% endif %}
named as (

    select
        candidates.as_of_date,
        candidates.user_id,
        candidates.{{ key }},
        coalesce(history.purchase_days, 0) as own_purchase_days,
        coalesce(history.purchase_days_28d, 0) as own_purchase_days_28d,
        coalesce(history.purchase_days_84d, 0) as own_purchase_days_84d,
        history.recency_days as own_recency_days,
        history.days_since_first_purchase as own_days_since_first_purchase,
        coalesce(history.affinity_short, 0) as own_affinity_short,
        coalesce(history.affinity, 0) as own_affinity,
        coalesce(history.affinity_long, 0) as own_affinity_long,
        history.mean_gap_days as own_mean_gap_days,
        history.gap_deviation_days as own_gap_deviation_days,
        history.longest_gap_days as own_longest_gap_days,
        -- 1 when as many days have passed since the last purchase as usually lie between two, and how unusual that is
        history.recency_days / nullif(history.mean_gap_days, 0) as own_overdue_ratio,
        (history.recency_days - history.mean_gap_days) / (history.gap_deviation_days + 3) as own_overdue_deviations,
        history.recency_days * (items.purchase_days - items.buyers) / nullif(cast(items.gap_days as double), 0)
            as own_overdue_by_others,
        history.purchase_days / nullif(cast(users.visit_days_364d as double), 0) as own_visit_share,
        coalesce(history.spend, 0) as own_spend,
        coalesce(history.views_28d, 0) as own_views_28d,
        coalesce(history.carts_28d, 0) as own_carts_28d,
        history.days_since_last_view as own_days_since_last_view,
        {%- if parents %}
        coalesce(parent_history.purchase_days, 0) as parent_purchase_days,
        coalesce(parent_history.purchase_days_28d, 0) as parent_purchase_days_28d,
        parent_history.recency_days as parent_recency_days,
        history.units / nullif(cast(history.purchase_days as double), 0) as own_units_per_day,
        1 - history.spend / nullif(history.list_spend, 0) as own_discount_share,
        coalesce(history.affinity, 0) / nullif(breadths.affinity, 0) as own_affinity_share,
        places.place as own_place,
        places.place_lately as own_place_lately,
        coalesce(breadths.items, 0) as user_breadth,
        coalesce(breadths.items_28d, 0) as user_breadth_28d,
        coalesce(breadths.items_84d, 0) as user_breadth_84d,
        coalesce(breadths.purchase_days_28d, 0) as user_purchases_28d,
        breadths.returned_items / nullif(cast(breadths.earlier_items as double), 0) as user_return_share,
        items.purchase_days_28d / nullif(cast(items.active_users as double), 0) as item_purchases_28d,
        2.0 * items.purchase_days_28d / nullif(items.purchase_days_84d - items.purchase_days_28d, 0) as item_growth,
        items.buyers_28d / nullif(cast(items.buyers_84d as double), 0) as item_recent_buyer_share,
        {%- endif %}
        items.buyers_28d / nullif(cast(items.active_users as double), 0) as item_buyer_share_28d,
        items.buyers_7d * 4.0 / nullif(items.buyers_28d, 0) as item_trend,
        items.gap_days / nullif(cast(items.purchase_days - items.buyers as double), 0) as item_mean_gap_days,
        items.purchase_days / cast(items.buyers as double) as item_days_per_buyer,
        items.returned_buyers / nullif(cast(items.earlier_buyers as double), 0) as item_return_share,
        users.recency_days as user_recency_days,
        users.days_since_first_purchase as user_days_since_first_purchase,
        users.visit_days_7d as user_visit_days_7d,
        users.visit_days_14d as user_visit_days_14d,
        users.visit_days_28d as user_visit_days_28d,
        users.visit_days_112d as user_visit_days_112d,
        users.visit_days_364d as user_visit_days_364d,
        users.lines_112d as user_lines_112d,
        users.lines_112d / nullif(cast(users.orders_112d as double), 0) as user_lines_per_order,
        users.mean_gap_days as user_mean_gap_days
    from candidates
    inner join users on candidates.as_of_date = users.as_of_date and candidates.user_id = users.user_id
    left join items on candidates.as_of_date = items.as_of_date and candidates.{{ key }} = items.{{ key }}
    left join history
        on
            candidates.as_of_date = history.as_of_date
            and candidates.user_id = history.user_id
            and candidates.{{ key }} = history.{{ key }}
    {%- if parents %}
    left join {{ parents }} on candidates.{{ key }} = {{ parents }}.{{ key }}
    left join parent_history
        on
            candidates.as_of_date = parent_history.as_of_date
            and candidates.user_id = parent_history.user_id
            and {{ parents }}.parent = parent_history.parent
    left join places
        on
            candidates.as_of_date = places.as_of_date
            and candidates.user_id = places.user_id
            and candidates.{{ key }} = places.{{ key }}
    left join breadths on candidates.as_of_date = breadths.as_of_date and candidates.user_id = breadths.user_id
    {%- endif %}

)
{%- endmacro %}
