-- the days that features look back from, and the day from which on nothing is read at all
-- What was dated in the future comes due without a new row.
{{ config(meta={'reads_clock': true}) }}

with moments as (

    select max(ordered_at) as latest
    from {{ ref('base_order_lines') }}
    where ordered_at <= {{ utc_now() }}

    union all

    select max(event_at) as latest
    from {{ ref('base_events') }}
    where event_at <= {{ utc_now() }}

),

horizon as (

    select
        {% if var('as_of_date') -%}
        max({{ day_literal('as_of_date', var('as_of_date')) }})
        {%- else -%}
        {{ add_days(local_date('max(latest)'), 1) }}
        {%- endif %} as data_until
    from moments

),

final as (

    {% for day in var('as_of_dates') or [none] -%}
    select
        {{ day_literal('as_of_dates', day) if day else 'data_until' }} as as_of_date,
        data_until
    from horizon
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select * from final
