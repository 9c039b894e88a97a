{# After `as` of a CTE that is read more than once: compute it again each time rather than keep all its rows. #}
{% macro inlined() %}{{ adapter.dispatch('inlined')() }}{% endmacro %}
{% macro default__inlined() %}{% endmacro %}
{% macro duckdb__inlined() %}not materialized {% endmacro %}
