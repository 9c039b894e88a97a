-- how each user shops, in twelve figures that say nothing of who the user is, from the last behaviour_days days
{% set counts = ['visit_days', 'lines_per_order', 'categories_per_order', 'categories'] %}
{% set amounts = ['order_value', 'median_order_value'] %}
with {{ behaviour_lines() }},

order_categories as (

    select
        as_of_date,
        user_id,
        order_id,
        category,
        min(ordered_on) as ordered_on,
        min(store_id) as store_id,
        count(*) as lines,
        sum(spend) as spend
    from lines
    group by as_of_date, user_id, order_id, category

),

orders as (

    select
        as_of_date,
        user_id,
        order_id,
        min(ordered_on) as ordered_on,
        min(store_id) as store_id,
        sum(lines) as lines,
        sum(spend) as spend,
        count(*) as categories
    from order_categories
    group by as_of_date, user_id, order_id

),

baskets as (

    select
        as_of_date,
        user_id,
        cast(sum(spend) as double) / count(*) as order_value,
        cast(median(spend) as double) as median_order_value,
        cast(sum(lines) as double) / count(*) as lines_per_order,
        cast(sum(categories) as double) / count(*) as categories_per_order
    from orders
    group by as_of_date, user_id

),

visits as (

    select
        as_of_date,
        user_id,
        count(*) as visit_days
    from (
        select distinct
            as_of_date,
            user_id,
            ordered_on
        from orders
    ) as days
    group by as_of_date, user_id

),

stores as (

    select
        as_of_date,
        user_id,
        cast(max(visits) as double) / sum(visits) as main_store_share
    from (
        select
            as_of_date,
            user_id,
            store_id,
            count(*) as visits
        from orders
        where store_id is not null
        group by as_of_date, user_id, store_id
    ) as counted
    group by as_of_date, user_id

),

brands as (

    select
        as_of_date,
        user_id,
        cast(max(spend) as double) / nullif(cast(sum(spend) as double), 0) as top_brand_share
    from (
        select
            as_of_date,
            user_id,
            brand,
            sum(spend) as spend
        from lines
        where brand is not null
        group by as_of_date, user_id, brand
    ) as counted
    group by as_of_date, user_id

),

variety as (

    select
        as_of_date,
        user_id,
        count(*) as categories
    from (
        select distinct
            as_of_date,
            user_id,
            category
        from order_categories
    ) as counted
    group by as_of_date, user_id

),

bought as (

    select
        lines.as_of_date,
        lines.user_id,
        lines.product_id,
        count(*) as lines,
        sum(lines.spend) as spend,
        sum(lines.list_spend) as list_spend,
        sum(case when lines.list_price > 0 then 1 else 0 end) as priced_lines,
        sum(case when lines.list_price > 0 and lines.paid_price < lines.list_price then 1 else 0 end) as reduced_lines
    from lines
    group by lines.as_of_date, lines.user_id, lines.product_id

),

products as (

    select
        bought.as_of_date,
        bought.user_id,
        cast(count(*) as double) / cast(sum(bought.lines) as double) as new_product_share,
        1 - cast(sum(bought.spend) as double) / nullif(cast(sum(bought.list_spend) as double), 0) as discount_share,
        cast(sum(bought.reduced_lines) as double) / nullif(sum(bought.priced_lines), 0) as reduced_share,
        {{ exact_sum('bought.lines * ranks.price_rank') }}
        / nullif(sum(case when ranks.price_rank is not null then bought.lines end), 0) as price_level
    from bought
    left join {{ ref('product_price_ranks') }} as ranks
        on bought.as_of_date = ranks.as_of_date and bought.product_id = ranks.product_id
    group by bought.as_of_date, bought.user_id

),

joined as (

    select
        visits.as_of_date,
        visits.user_id,
        cast(visits.visit_days as double) as visit_days,
        baskets.order_value,
        baskets.median_order_value,
        baskets.lines_per_order,
        baskets.categories_per_order,
        cast(variety.categories as double) as categories,
        products.new_product_share,
        cast(products.discount_share as double) as discount_share,
        products.reduced_share,
        products.price_level,
        brands.top_brand_share,
        stores.main_store_share
    from visits
    inner join baskets
        on visits.as_of_date = baskets.as_of_date and visits.user_id = baskets.user_id
    inner join variety
        on visits.as_of_date = variety.as_of_date and visits.user_id = variety.user_id
    inner join products
        on visits.as_of_date = products.as_of_date and visits.user_id = products.user_id
    left join brands
        on visits.as_of_date = brands.as_of_date and visits.user_id = brands.user_id
    left join stores
        on visits.as_of_date = stores.as_of_date and visits.user_id = stores.user_id
    -- who came once or twice has shown no habits
    where visits.visit_days >= 3

),

final as (

    select
        *,
        {% set entries = [] -%}
        {% for name in var('behaviour_features') -%}
        {%- do entries.append('ln(1 + ' ~ name ~ ')' if name in counts + amounts else name) -%}
        {% endfor -%}
        {{ float_vector(entries) }} as features
    from joined

)

select * from final
