{# A query: how much came back of each order line, in all its returns. analyses/treated_against_holdout.sql, which may hold no macro, has the same. #}
{% macro returned_quantities() -%}
    select
        order_id,
        line_number,
        sum(quantity) as quantity
    from {{ ref('stg_returns') }}
    group by order_id, line_number
{%- endmacro %}
