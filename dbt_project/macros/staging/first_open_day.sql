{#
    The first of the open_days before the as-of date, of the relation `dates`: shop-wide statistics leave it and those after it out.
    A subquery.
#}
{% macro first_open_day(dates) -%}
    (select {{ add_days('max(data_until)', -var('open_days')) }} from {{ dates }})
{%- endmacro %}
