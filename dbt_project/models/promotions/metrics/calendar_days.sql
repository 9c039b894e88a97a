-- every day from the shop's first order to the as-of date, without gaps: the time axis of metrics
{{ config(materialized='table') }}

with span as (

    select
        dates.as_of_date as last_day,
        coalesce(min(lines.ordered_on), dates.as_of_date) as first_day
    from {{ ref('as_of_dates') }} as dates
    left join {{ ref('stg_order_lines') }} as lines on dates.as_of_date > lines.ordered_on
    where dates.as_of_date = dates.data_until
    group by dates.as_of_date

),

digits as (

    {% for digit in range(10) -%}
    select {{ digit }} as digit
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

-- 27 years of them
days_back as (

    select ones.digit + 10 * tens.digit + 100 * hundreds.digit + 1000 * thousands.digit as days
    from digits as ones
    cross join digits as tens
    cross join digits as hundreds
    cross join digits as thousands

),

days as (

    select
        span.first_day,
        {{ add_days('span.last_day', '-days_back.days') }} as calendar_day
    from span
    cross join days_back

),

final as (

    select calendar_day
    from days
    where calendar_day >= first_day

)

select * from final
