{#
    CTEs to `items`: each item (`key`: subcategory or category) as all users treat it, from a CTE `history` made of user_history(`key`).
    Whole-number sums of all users stand in tables of their own, so that what is computed of a user reads that user's rows alone.
#}
{% macro item_statistics(key) -%}
active_users as (

    select
        as_of_date,
        count(*) as users
    from {{ ref('user_features') }}
    where visit_days_28d > 0
    group by as_of_date

),

counted as (

    select
        as_of_date,
        {{ key }},
        count(*) as users,
        sum(case when purchase_days > 0 then 1 else 0 end) as buyers,
        sum(case when recency_days <= 7 then 1 else 0 end) as buyers_7d,
        sum(case when recency_days <= 28 then 1 else 0 end) as buyers_28d,
        sum(case when days_since_first_purchase > 28 then 1 else 0 end) as earlier_buyers,
        sum(case when days_since_first_purchase > 28 and recency_days <= 28 then 1 else 0 end) as returned_buyers,
        sum(case when purchase_days_84d > 0 then 1 else 0 end) as buyers_84d,
        sum(purchase_days_28d) as purchase_days_28d,
        sum(purchase_days_84d) as purchase_days_84d,
        sum(purchase_days) as purchase_days,
        sum(days_since_first_purchase - recency_days) as gap_days
    from history
    group by as_of_date, {{ key }}

),

{% set sums = [
    'users', 'buyers', 'buyers_7d', 'buyers_28d', 'buyers_84d', 'earlier_buyers', 'returned_buyers', 'purchase_days',
    'purchase_days_28d', 'purchase_days_84d', 'gap_days'
] -%}
items as (

    select
        counted.as_of_date,
        counted.{{ key }},
        {% for sum in sums -%}
        cast(coalesce(counted.{{ sum }}, 0) as bigint) as {{ sum }},
        {% endfor -%}
        cast(coalesce(active_users.users, 0) as bigint) as active_users
    from counted
    left join active_users on counted.as_of_date = active_users.as_of_date

)
{%- endmacro %}
