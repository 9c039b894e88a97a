{# Before offers are made: drop those that an earlier build made for the same as-of date, for it may make none this time. #}
{% macro forget_offers_of_the_day() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where as_of_date in (select as_of_date from {{ ref('as_of_dates') }})
    {%- endif -%}
{%- endmacro %}
