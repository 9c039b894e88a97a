{#
    After scoring or explaining: what was kept from an earlier day is of the as-of date of its unchanged input, which is that of all of
    `inputs`, as if it had been made today; only scored_at and explained_at tell when it was.
#}
{% macro date_kept_rows(inputs) -%}
    {%- set today = '(select max(inputs.as_of_date) from ' ~ ref(inputs) ~ ' as inputs)' -%}
    update {{ this }}
    set as_of_date = {{ today }}
    where as_of_date <> {{ today }}
{%- endmacro %}
