{# Division of whole numbers that aren't negative, what is left over dropped; null where the divisor is 0. #}
{% macro whole_quotient(dividend, divisor) %}{{ adapter.dispatch('whole_quotient')(dividend, divisor) }}{% endmacro %}
{% macro default__whole_quotient(dividend, divisor) -%}
    cast(({{ dividend }}) div nullif({{ divisor }}, 0) as decimal(38, 0))
{%- endmacro %}
{% macro duckdb__whole_quotient(dividend, divisor) -%}
    cast(cast({{ dividend }} as hugeint) // nullif(cast({{ divisor }} as hugeint), 0) as decimal(38, 0))
{%- endmacro %}
