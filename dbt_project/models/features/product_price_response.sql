-- how each product's sales and prices move together from week to week, net of product and of week
{% set measures = ['sales', 'discount', 'regular', 'mailer', 'display', 'placebo'] %}
{% set pairs = [] %}
{% for first in measures[:5] %}
{% for second in measures[loop.index0:5] %}{% do pairs.append([first, second]) %}{% endfor %}
{% endfor %}
{% do pairs.extend([['sales', 'placebo'], ['placebo', 'placebo']]) %}
{% set sweeps = 2 %}
with dates as (

    select as_of_date from {{ ref('as_of_dates') }}

),

observed as (

    select
        dates.as_of_date,
        weeks.product_id,
        weeks.category,
        weeks.week_start,
        {{ days_between('weeks.week_start', 'dates.as_of_date') }} * 2 <= {{ var('price_days') }} as is_newer_half,
        ln(weeks.units) as sales,
        ln(weeks.net_price / weeks.regular_price) as discount,
        ln(weeks.regular_price) as regular,
        ln(1.0 + weeks.mailer_stores) as mailer,
        ln(1.0 + weeks.display_stores) as display,
        ln(weeks.net_price) as net,
        {{ hash_bucket("concat_ws('|', weeks.product_id, cast(weeks.week_start as string))", 1000000000) }} as lot
    from {{ ref('product_price_weeks') }} as weeks
    inner join dates
        on
            -- weeks that are over, within the window
            {{ add_days('weeks.week_start', 7) }} <= dates.as_of_date
            and weeks.week_start >= {{ add_days('dates.as_of_date', -var('price_days')) }}
    -- below a twentieth of the regular price it is a gift, no price
    where weeks.net_price >= 0.05 * weeks.regular_price

),

-- a product sold in fewer weeks says more of chance than of its price
numbered as (

    select
        *,
        row_number() over (partition by as_of_date, product_id order by week_start) as place,
        row_number() over (partition by as_of_date, product_id order by lot, week_start) as drawn_place
    from observed
    qualify count(*) over (partition by as_of_date, product_id) >= 8

),

-- the placebo: the net prices of each product dealt anew to its weeks; what is found there is found by chance
within_0 as (

    select
        own.as_of_date,
        own.product_id,
        own.category,
        own.week_start,
        own.is_newer_half,
        own.sales,
        own.discount,
        own.regular,
        own.mailer,
        own.display,
        drawn.net as placebo
    from numbered as own
    inner join numbered as drawn
        on own.as_of_date = drawn.as_of_date and own.product_id = drawn.product_id and own.place = drawn.drawn_place

),

{% for sweep in range(sweeps) -%}
-- less the product's mean, then less the mean of the category's week
product_means_{{ sweep }} as (

    select
        as_of_date,
        {% for measure in measures -%}
        {{ exact_avg(measure) }} as {{ measure }},
        {% endfor -%}
        product_id
    from within_{{ sweep }}
    group by as_of_date, product_id

),

centred_{{ sweep }} as (

    select
        weeks.as_of_date,
        weeks.product_id,
        weeks.category,
        weeks.week_start,
        {% for measure in measures -%}
        weeks.{{ measure }} - means.{{ measure }} as {{ measure }},
        {% endfor -%}
        weeks.is_newer_half
    from within_{{ sweep }} as weeks
    inner join product_means_{{ sweep }} as means
        on weeks.as_of_date = means.as_of_date and weeks.product_id = means.product_id

),

week_means_{{ sweep }} as (

    select
        as_of_date,
        category,
        {% for measure in measures -%}
        {{ exact_avg(measure) }} as {{ measure }},
        {% endfor -%}
        week_start
    from centred_{{ sweep }}
    group by as_of_date, category, week_start

),

within_{{ sweep + 1 }} as (

    select
        weeks.as_of_date,
        weeks.product_id,
        weeks.category,
        weeks.week_start,
        {% for measure in measures -%}
        weeks.{{ measure }} - means.{{ measure }} as {{ measure }},
        {% endfor -%}
        weeks.is_newer_half
    from centred_{{ sweep }} as weeks
    inner join week_means_{{ sweep }} as means
        on
            weeks.as_of_date = means.as_of_date
            and weeks.category = means.category
            and weeks.week_start = means.week_start

),

{% endfor -%}
sums as (

    select
        as_of_date,
        category,
        product_id,
        is_newer_half,
        {% for measure in measures -%}
        {{ exact_sum(measure) }} as {{ measure }},
        {% endfor -%}
        {% for first, second in pairs -%}
        {{ exact_sum(first ~ ' * ' ~ second) }} as {{ first }}_{{ second }},
        {% endfor -%}
        cast(count(*) as integer) as weeks
    from within_{{ sweeps }}
    group by as_of_date, category, product_id, is_newer_half

),

final as (

    select
        as_of_date,
        category,
        product_id,
        is_newer_half,
        weeks,
        {% for measure in measures[:5] -%}
        {{ measure }},
        {% endfor -%}
        placebo,
        {% for first, second in pairs[:-1] -%}
        {{ first }}_{{ second }},
        {% endfor -%}
        placebo_placebo
    from sums

)

select * from final
