-- how each product's weekly sales move with its own price, its rivals' prices, mailers and displays, season and all
{% set causes = ['price', 'rival', 'mailer', 'display'] %}
{% set pairs = moment_pairs(causes) %}
with dates as (

    select as_of_date from {{ ref('as_of_dates') }}

),

observed as (

    select
        dates.as_of_date,
        weeks.product_id,
        weeks.category,
        ln(weeks.units) as sales,
        ln(weeks.net_price) as price,
        ln(weeks.competitor_price) as known_rival,
        ln(1.0 + weeks.mailer_stores) as mailer,
        ln(1.0 + weeks.display_stores) as display
    from {{ ref('product_price_weeks') }} as weeks
    inner join dates
        on
            -- weeks that are over, within the window
            {{ add_days('weeks.week_start', 7) }} <= dates.as_of_date
            and weeks.week_start >= {{ add_days('dates.as_of_date', -var('price_days')) }}
    -- below a twentieth of the regular price it is a gift, no price
    where weeks.net_price >= 0.05 * weeks.regular_price

),

-- a week in which nobody looked at the rivals says nothing of them: their usual price stands in
filled as (

    select
        *,
        coalesce(known_rival, {{ exact_avg('known_rival', 'over (partition by as_of_date, product_id)') }}, 0) as rival
    from observed
    qualify count(*) over (partition by as_of_date, product_id) >= 8

),

final as (

    select
        as_of_date,
        category,
        product_id,
        {% for measure in causes + ['sales'] -%}
        {{ exact_sum(measure) }} as {{ measure }},
        {% endfor -%}
        {% for first, second in pairs -%}
        {{ exact_sum(first ~ ' * ' ~ second) }} as {{ first }}_{{ second }},
        {% endfor -%}
        cast(count(*) as integer) as weeks
    from filled
    group by as_of_date, category, product_id

)

select * from final
