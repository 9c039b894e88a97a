-- what the sales of each category are expected to be at other prices: of its own, of rivals, with mailers and displays
{{ config(materialized='table') }}

{% set causes = ['price', 'rival', 'mailer', 'display'] %}
with moments as (

    select
        as_of_date,
        category,
        product_id,
        {% for first, second in moment_pairs(causes) -%}
        {{ first }}_{{ second }} - {{ first }} * {{ second }} / weeks as {{ first }}_{{ second }},
        {% endfor -%}
        weeks
    from {{ ref('product_demand_moments') }}

),

{{ least_squares(causes) }},

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
        cast(round(1 - solved.unexplained / nullif(clustered.sales_variation, 0), 6) as double) as explained_share
    from solved
    inner join clustered
        on solved.as_of_date = clustered.as_of_date and solved.category = clustered.category

)

select * from final
