{#
    The day that is decided on: one row, the last of the as-of dates that a training set asks for. `moment` names a second column,
    the day's beginning, UTC.
#}
{% macro scoring_day(moment='') -%}
    select
        as_of_date
        {%- if moment %},
        {{ utc_midnight('as_of_date') }} as {{ moment }}
        {%- endif %}
    from {{ ref('as_of_dates') }}
    where as_of_date = data_until
{%- endmacro %}
