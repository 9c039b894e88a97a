{# Days between a day and the nearest birthday, before or after; null where the birth date is unknown. For least(). #}
{% macro days_from_birthday(birth_date, day) -%}
    {%- for years in [-1, 0, 1] -%}
        abs({{ days_between(anniversary(birth_date, day, years), day) }}){{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
