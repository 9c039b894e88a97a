{#
    Least squares in SQL: the normal equations of some causes and one effect stand in one row, as columns `<first>_<second>` for
    each pair; swept by one cause after the other (Goodnight, 1979) they turn into the coefficients and the negative inverse.
#}
{% macro moment(first, second) -%}
    {%- set order = ['discount', 'regular', 'mailer', 'display', 'sales'] -%}
    {%- if order.index(first) <= order.index(second) -%}{{ first }}_{{ second }}{%- else -%}{{ second }}_{{ first }}{%- endif -%}
{%- endmacro %}

{# The entry after a sweep by `pivot`, whose diagonal entry is the column `turning`; null there means that it stays out. #}
{% macro swept_moment(first, second, pivot) -%}
    {%- set entry = moment(first, second) -%}
    {%- if first == pivot and second == pivot -%}
        coalesce(-1 / turning, {{ entry }})
    {%- elif pivot in (first, second) -%}
        coalesce({{ entry }} / turning, {{ entry }})
    {%- else -%}
        coalesce({{ entry }} - {{ moment(first, pivot) }} * {{ moment(second, pivot) }} / turning, {{ entry }})
    {%- endif -%}
{%- endmacro %}
