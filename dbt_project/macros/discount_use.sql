{# A condition: the purchases from which user_discount_use, and the norms it is held against, look at an as-of date. #}
{% macro discount_use_days() -%}
    lines.ordered_on < dates.as_of_date and lines.ordered_on >= {{ add_days('dates.as_of_date', -var('price_days')) }}
{%- endmacro %}

{#
    The CTE `depths`: how deep each purchase was discounted. `window` is a condition on lines.ordered_on and the columns of dates: which
    purchases count at an as-of date. The depth of a purchase is ln(paid price / list price), never below a twentieth.
#}
{% macro discount_depths(window) -%}
depths as (

    select
        dates.as_of_date,
        lines.user_id,
        lines.product_id,
        products.category,
        lines.quantity,
        lines.paid_price,
        lines.list_price,
        ln(greatest(cast(lines.paid_price as double) / cast(lines.list_price as double), 0.05)) as depth
    from {{ ref('stg_order_lines') }} as lines
    inner join {{ ref('stg_products') }} as products on lines.product_id = products.product_id
    inner join {{ ref('as_of_dates') }} as dates on {{ window }}
    where lines.quantity > 0 and lines.list_price > 0

)
{%- endmacro %}

{#
    The CTE `everyone`, after `depths`: what all purchases of a product come to. Added line by line, in decimals: the same as adding up
    each user's sums.
#}
{% macro discount_norms() -%}
everyone as (

    select
        as_of_date,
        product_id,
        count(*) as purchases,
        sum(case when paid_price < list_price then 1 else 0 end) as reduced,
        {{ exact_sum('depth') }} as depth,
        {{ exact_sum('depth * depth') }} as squared_depth
    from depths
    group by as_of_date, product_id

)
{%- endmacro %}

{#
    How deep each user's purchases were discounted, beside what everyone else paid for the same products: the CTEs to
    `discount_use`, of purchases in `window`. Others' purchases alone set a product's norm, ten of them at least. `norms` is a model
    with everyone's sums over the same window, so that a user's rows need no other user's; without one they are made here.
#}
{% macro discount_use(window, norms=none) -%}
{{ discount_depths(window) }},

own as (

    select
        as_of_date,
        user_id,
        category,
        product_id,
        count(*) as purchases,
        sum(case when paid_price < list_price then 1 else 0 end) as reduced,
        sum(quantity * list_price) as list_spend,
        sum(quantity * (list_price - paid_price)) as discount,
        {{ exact_sum('depth') }} as depth,
        {{ exact_sum('depth * depth') }} as squared_depth
    from depths
    group by as_of_date, user_id, category, product_id

),

{% if norms -%}
everyone as (

    select * from {{ ref(norms) }}

)
{%- else -%}
{{ discount_norms() }}
{%- endif %},

others as (

    select
        own.as_of_date,
        own.user_id,
        own.category,
        own.purchases,
        own.reduced,
        own.list_spend,
        own.discount,
        own.depth,
        everyone.purchases - own.purchases as other_purchases,
        cast(everyone.reduced - own.reduced as double) / nullif(everyone.purchases - own.purchases, 0) as other_reduced_share,
        (everyone.depth - own.depth) / nullif(everyone.purchases - own.purchases, 0) as other_depth,
        (everyone.squared_depth - own.squared_depth) / nullif(everyone.purchases - own.purchases, 0) as other_squared_depth
    from own
    inner join everyone
        on own.as_of_date = everyone.as_of_date and own.product_id = everyone.product_id

),

compared as (

    select
        as_of_date,
        user_id,
        category,
        purchases,
        reduced,
        list_spend,
        discount,
        other_purchases >= 10 as is_compared,
        purchases * other_reduced_share as expected_reduced,
        depth - purchases * other_depth as excess,
        purchases * greatest(0, other_squared_depth - other_depth * other_depth) as variation
    from others

),

discount_use as (

    select
        as_of_date,
        user_id,
        category,
        cast(sum(purchases) as integer) as purchases,
        cast(sum(reduced) as integer) as reduced_purchases,
        cast(sum(list_spend) as double) as list_spend,
        cast(sum(discount) as double) as discount,
        cast(sum(case when is_compared then purchases else 0 end) as integer) as compared_purchases,
        cast(sum(case when is_compared then reduced else 0 end) as integer) as compared_reduced_purchases,
        coalesce({{ exact_sum('case when is_compared then expected_reduced end') }}, 0) as expected_reduced_purchases,
        coalesce({{ exact_sum('case when is_compared then excess end') }}, 0) as excess_depth,
        coalesce({{ exact_sum('case when is_compared then excess * excess end') }}, 0) as squared_excess_depth,
        coalesce({{ exact_sum('case when is_compared then variation end') }}, 0) as depth_variation
    from compared
    group by as_of_date, user_id, category

)
{%- endmacro %}
