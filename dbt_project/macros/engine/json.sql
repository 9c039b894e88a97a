{# Rows as JSON text. `columns` are column names. #}
{% macro json_object(columns) %}{{ adapter.dispatch('json_object')(columns) }}{% endmacro %}
{% macro default__json_object(columns) -%}
    to_json(named_struct({% for column in columns %}'{{ column }}', {{ column }}{{ ", " if not loop.last }}{% endfor %}))
{%- endmacro %}
{% macro duckdb__json_object(columns) -%}
    cast(to_json(struct_pack(
        {%- for column in columns %}{{ adapter.quote(column) }} := {{ adapter.quote(column) }}{{ ", " if not loop.last }}{% endfor -%}
    )) as string)
{%- endmacro %}
