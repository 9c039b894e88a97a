{# Calendar arithmetic and time zones. Timestamps are UTC; days are cut in the shop's own time zone. #}

{% macro local_timestamp(utc) %}{{ adapter.dispatch('local_timestamp')(utc) }}{% endmacro %}
{% macro default__local_timestamp(utc) %}from_utc_timestamp({{ utc }}, '{{ shop_timezone() }}'){% endmacro %}
{% macro duckdb__local_timestamp(utc) -%}
    (({{ utc }} at time zone 'UTC') at time zone '{{ shop_timezone() }}')
{%- endmacro %}

{% macro local_date(utc) %}cast({{ local_timestamp(utc) }} as date){% endmacro %}

{# A moment, or the midnight that begins a day, of the shop's own time, as UTC. #}
{% macro utc_timestamp(local) %}{{ adapter.dispatch('utc_timestamp')(local) }}{% endmacro %}
{% macro default__utc_timestamp(local) -%}
    to_utc_timestamp(cast({{ local }} as timestamp), '{{ shop_timezone() }}')
{%- endmacro %}
{% macro duckdb__utc_timestamp(local) -%}
    ((cast({{ local }} as timestamp) at time zone '{{ shop_timezone() }}') at time zone 'UTC')
{%- endmacro %}

{% macro utc_midnight(local_day) %}{{ adapter.dispatch('utc_midnight')(local_day) }}{% endmacro %}
{% macro default__utc_midnight(local_day) %}{{ utc_timestamp(local_day) }}{% endmacro %}
{#
    Where clocks go back over midnight, as in Havana or on the Azores, it comes twice a year and DuckDB takes the later one; the end of
    the day before comes once. Where that is left out or comes twice itself, midnight comes once.
#}
{% macro duckdb__utc_midnight(local_day) -%}
    least(
        {{ utc_timestamp(local_day) }},
        {{ utc_timestamp('cast(' ~ local_day ~ ' as timestamp) - interval 1 microsecond') }} + interval 1 microsecond
    )
{%- endmacro %}

{% macro days_between(first_day, last_day) %}{{ adapter.dispatch('days_between')(first_day, last_day) }}{% endmacro %}
{% macro default__days_between(first_day, last_day) %}datediff({{ last_day }}, {{ first_day }}){% endmacro %}
{% macro duckdb__days_between(first_day, last_day) %}date_diff('day', {{ first_day }}, {{ last_day }}){% endmacro %}

{% macro add_days(day, days) %}{{ adapter.dispatch('add_days')(day, days) }}{% endmacro %}
{% macro default__add_days(day, days) %}date_add({{ day }}, cast({{ days }} as int)){% endmacro %}
{% macro duckdb__add_days(day, days) %}({{ day }} + cast({{ days }} as integer)){% endmacro %}

{% macro add_hours(moment, hours) %}{{ adapter.dispatch('add_hours')(moment, hours) }}{% endmacro %}
{% macro default__add_hours(moment, hours) %}({{ moment }} + make_interval(0, 0, 0, 0, {{ hours }})){% endmacro %}
{% macro duckdb__add_hours(moment, hours) %}({{ moment }} + to_hours(cast({{ hours }} as bigint))){% endmacro %}

{% macro utc_now() %}{{ adapter.dispatch('utc_now')() }}{% endmacro %}
{% macro default__utc_now() %}to_utc_timestamp(current_timestamp(), current_timezone()){% endmacro %}
{% macro duckdb__utc_now() %}(current_timestamp at time zone 'UTC'){% endmacro %}

{# The anniversary of `day` in the year of `near` and `years` later; 29 February is kept on the 28th in common years. #}
{% macro anniversary(day, near, years) %}{{ adapter.dispatch('anniversary')(day, near, years) }}{% endmacro %}
{% macro default__anniversary(day, near, years) -%}
    least(
        last_day(make_date(year({{ near }}) + {{ years }}, month({{ day }}), 1)),
        date_add(make_date(year({{ near }}) + {{ years }}, month({{ day }}), 1), dayofmonth({{ day }}) - 1)
    )
{%- endmacro %}
{% macro duckdb__anniversary(day, near, years) -%}
    least(
        last_day(make_date(year({{ near }}) + {{ years }}, month({{ day }}), 1)),
        make_date(year({{ near }}) + {{ years }}, month({{ day }}), 1) + cast(day({{ day }}) - 1 as integer)
    )
{%- endmacro %}
