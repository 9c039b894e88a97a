-- how soon each product is bought again, and by how many: its own figures, else its subcategory's, else its category's
{% set observed_days = 28 %}  {# a buyer counts once there was so much time to come back #}
{% set least_buyers = 20 %}
{% set least_gaps = 10 %}
{% set levels = {'product': 'product_id', 'subcategory': 'subcategory', 'category': 'category'} %}
with as_of_dates as (

    select as_of_date from {{ ref('as_of_dates') }}

),

products as (

    select
        product_id,
        subcategory,
        category
    from {{ ref('stg_products') }}

),

purchase_days as (

    select distinct
        user_id,
        product_id,
        ordered_on
    from {{ ref('stg_closed_order_lines') }}
    where quantity > 0

),

-- a day's gap looks back alone: it is the same for every later as-of date
spaced_days as (

    select
        user_id,
        product_id,
        ordered_on,
        {{ days_between('lag(ordered_on) over (partition by user_id, product_id order by ordered_on)', 'ordered_on') }}
            as gap_days
    from purchase_days

),

looked_back as (

    select
        as_of_dates.as_of_date,
        spaced_days.user_id,
        spaced_days.product_id,
        products.subcategory,
        products.category,
        spaced_days.gap_days,
        {{ days_between('spaced_days.ordered_on', 'as_of_dates.as_of_date') }} as days_ago
    from spaced_days
    inner join products on spaced_days.product_id = products.product_id
    inner join as_of_dates on spaced_days.ordered_on < as_of_dates.as_of_date

),

buyers as (

    select
        as_of_date,
        user_id,
        product_id,
        subcategory,
        category,
        max(days_ago) >= {{ observed_days }} as is_observed,
        max(days_ago) >= {{ observed_days }} and count(gap_days) > 0 as has_rebought
    from looked_back
    group by as_of_date, user_id, product_id, subcategory, category

),

{% for level, key in levels.items() -%}
buyers_of_{{ level }} as (

    select
        as_of_date,
        {{ key }},
        sum(case when is_observed then 1 else 0 end) as buyers,
        sum(case when has_rebought then 1 else 0 end) as rebuyers
    from buyers
    where {{ key }} is not null
    group by as_of_date, {{ key }}

),

gaps_of_{{ level }} as (

    select
        as_of_date,
        {{ key }},
        count(*) as gaps,
        median(gap_days) as median_gap_days
    from looked_back
    where
        {{ key }} is not null
        and gap_days is not null
    group by as_of_date, {{ key }}

),

{% endfor -%}
joined as (

    select
        as_of_dates.as_of_date,
        products.product_id,
        coalesce(buyers_of_product.buyers, 0) as buyers,
        {% for level in levels -%}
        buyers_of_{{ level }}.rebuyers / nullif(cast(buyers_of_{{ level }}.buyers as double), 0) as {{ level }}_share,
        gaps_of_{{ level }}.median_gap_days as {{ level }}_gap_days,
        {% endfor -%}
        case
            {% for level in levels -%}
            when buyers_of_{{ level }}.buyers >= {{ least_buyers }} and gaps_of_{{ level }}.gaps >= {{ least_gaps }}
                then '{{ level }}'
            {% endfor -%}
        end as level
    from products
    cross join as_of_dates
    {% for level, key in levels.items() -%}
    left join buyers_of_{{ level }}
        on as_of_dates.as_of_date = buyers_of_{{ level }}.as_of_date and products.{{ key }} = buyers_of_{{ level }}.{{ key }}
    left join gaps_of_{{ level }}
        on as_of_dates.as_of_date = gaps_of_{{ level }}.as_of_date and products.{{ key }} = gaps_of_{{ level }}.{{ key }}
    {% endfor %}
),

final as (

    select
        as_of_date,
        product_id,
        cast(buyers as integer) as buyers,
        level as replenishment_level,
        cast(case level
            {% for level in levels -%}
            when '{{ level }}' then {{ level }}_share
            {% endfor -%}
        end as double) as rebuy_share,
        cast(case level
            {% for level in levels -%}
            when '{{ level }}' then {{ level }}_gap_days
            {% endfor -%}
        end as double) as replenishment_days
    from joined

)

select * from final
