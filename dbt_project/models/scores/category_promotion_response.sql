-- how the sales of each category answer to discount, regular price, mailer and display, each with the others held constant
{{ config(materialized='table') }}

{% set causes = ['discount', 'regular', 'mailer', 'display'] %}
{% set pairs = moment_pairs(causes) %}
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

{{ least_squares(causes) }},

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
