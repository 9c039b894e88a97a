-- the days that the promotion effect looks back from; for training also every second week of the months before them
{% set further_weeks = 16 %}
{% set fewest_days = 56 %}
with as_of_dates as (

    select
        as_of_date,
        data_until
    from {{ ref('as_of_dates') }}

),

{% if var('as_of_dates') -%}
history as (

    select min(ordered_on) as first_day
    from {{ ref('stg_order_lines') }}

),

oldest as (

    select
        min(as_of_date) as as_of_date,
        max(data_until) as data_until
    from as_of_dates

),

further as (

    {% for week in range(1, further_weeks + 1) -%}
    select
        {{ add_days('as_of_date', -14 * week) }} as as_of_date,
        data_until
    from oldest
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

{% endif -%}
final as (

    select
        as_of_date,
        data_until
    from as_of_dates
    {% if var('as_of_dates') -%}
    union all

    select
        further.as_of_date,
        further.data_until
    from further
    cross join history
    where further.as_of_date >= {{ add_days('history.first_day', fewest_days) }}
    {%- endif %}

)

select * from final
