-- how the sales of each category answer to discount, regular price, mailer and display, each with the others held constant
{{ config(materialized='table') }}

{% set causes = ['discount', 'regular', 'mailer', 'display'] %}
{% set pairs = [] %}
{% for first in causes + ['sales'] %}
{% for second in (causes + ['sales'])[loop.index0:] %}{% do pairs.append([first, second]) %}{% endfor %}
{% endfor %}
with products as (

    select
        as_of_date,
        category,
        product_id,
        {% for measure in causes + ['sales'] -%}
        {{ exact_sum(measure) }} as {{ measure }},
        {% endfor -%}
        {% for first, second in pairs -%}
        {{ exact_sum('sales_' ~ first if second == 'sales' else first ~ '_' ~ second) }} as {{ first }}_{{ second }},
        {% endfor -%}
        sum(weeks) as weeks
    from {{ ref('product_price_response') }}
    group by as_of_date, category, product_id

),

moments as (

    select
        as_of_date,
        category,
        product_id,
        {% for first, second in pairs -%}
        {{ first }}_{{ second }} - {{ first }} * {{ second }} / weeks as {{ first }}_{{ second }},
        {% endfor -%}
        weeks
    from products

),

swept_0 as (

    select
        as_of_date,
        category,
        {% for cause in causes -%}
        {{ exact_sum(cause ~ '_' ~ cause) }} as {{ cause }}_variation,
        false as {{ cause }}_is_in,
        {% endfor -%}
        {% for first, second in pairs -%}
        {{ exact_sum(first ~ '_' ~ second) }} as {{ first }}_{{ second }},
        {% endfor -%}
        cast(count(*) as integer) as products,
        cast(sum(weeks) as integer) as product_weeks
    from moments
    group by as_of_date, category
    having count(*) >= 5

),

{% for pivot in causes -%}
-- a cause that never moves, or only together with those before it, stays out
turned_{{ loop.index }} as (

    select
        *,
        case
            when {{ pivot }}_{{ pivot }} > 0.001 * {{ pivot }}_variation and {{ pivot }}_variation > 0.000001 * product_weeks
                then {{ pivot }}_{{ pivot }}
        end as turning
    from swept_{{ loop.index0 }}

),

swept_{{ loop.index }} as (

    select
        as_of_date,
        category,
        {% for cause in causes -%}
        {{ cause }}_variation,
        {{ 'turning is not null' if cause == pivot else cause ~ '_is_in' }} as {{ cause }}_is_in,
        {% endfor -%}
        {% for first, second in pairs -%}
        {{ swept_moment(first, second, pivot) }} as {{ first }}_{{ second }},
        {% endfor -%}
        products,
        product_weeks
    from turned_{{ loop.index }}

),

{% endfor -%}
solved as (

    select
        as_of_date,
        category,
        {% for cause in causes -%}
        case when {{ cause }}_is_in then {{ cause }}_sales end as {{ cause }}_slope,
        {% for other in causes -%}
        case when {{ cause }}_is_in and {{ other }}_is_in then -{{ moment(cause, other) }} else 0 end
            as inverse_{{ cause }}_{{ other }},
        {% endfor -%}
        {% endfor -%}
        sales_sales as unexplained,
        products,
        product_weeks
    from swept_4

),

-- what each product leaves unexplained along each cause
left_over as (

    select
        moments.as_of_date,
        moments.category,
        {% for cause in causes -%}
        moments.{{ moment(cause, 'sales') }} - (
            {% for other in causes -%}
            {{ '+ ' if not loop.first }}coalesce(solved.{{ other }}_slope, 0) * moments.{{ moment(cause, other) }}
            {% endfor -%}
        ) as {{ cause }},
        {% endfor -%}
        moments.sales_sales
    from moments
    inner join solved
        on moments.as_of_date = solved.as_of_date and moments.category = solved.category

),

-- how far each product pulls each coefficient
influences as (

    select
        solved.as_of_date,
        solved.category,
        {% for cause in causes -%}
        (
            {% for other in causes -%}
            {{ '+ ' if not loop.first }}solved.inverse_{{ cause }}_{{ other }} * left_over.{{ other }}
            {% endfor -%}
        ) as {{ cause }},
        {% endfor -%}
        left_over.sales_sales
    from left_over
    inner join solved
        on left_over.as_of_date = solved.as_of_date and left_over.category = solved.category

),

clustered as (

    select
        as_of_date,
        category,
        {% for cause in causes -%}
        sqrt({{ exact_sum(cause ~ ' * ' ~ cause) }} * count(*) / (count(*) - 1)) as {{ cause }}_std_error,
        {% endfor -%}
        {{ exact_sum('sales_sales') }} as sales_variation
    from influences
    group by as_of_date, category

),

-- how the response to discounts differs between categories beyond chance
weighed as (

    select
        solved.as_of_date,
        solved.category,
        solved.discount_slope,
        greatest(clustered.discount_std_error * clustered.discount_std_error, 0.000001) as variance
    from solved
    inner join clustered
        on solved.as_of_date = clustered.as_of_date and solved.category = clustered.category
    where solved.discount_slope is not null

),

{{ random_effects('weighed', 'discount_slope') }},

final as (

    select
        solved.as_of_date,
        solved.category,
        solved.products,
        solved.product_weeks,
        {% for cause in causes -%}
        cast(round(solved.{{ cause }}_slope, 6) as double) as {{ cause }}_response,
        cast(round(case when solved.{{ cause }}_slope is not null then clustered.{{ cause }}_std_error end, 6) as double)
            as {{ cause }}_std_error,
        {% endfor -%}
        -- drawn to the mean of all categories, the more the thinner the data
        cast(round(
            (weighed.discount_slope * overall.between_variance + overall.discount_slope * weighed.variance)
            / (overall.between_variance + weighed.variance), 6
        ) as double) as shrunk_discount_response,
        cast(round(1 - solved.unexplained / nullif(clustered.sales_variation, 0), 6) as double) as explained_share
    from solved
    inner join clustered
        on solved.as_of_date = clustered.as_of_date and solved.category = clustered.category
    left join weighed
        on solved.as_of_date = weighed.as_of_date and solved.category = weighed.category
    left join overall
        on weighed.as_of_date = overall.as_of_date

)

select * from final
