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

{# A number out of a JSON object in a text column, null where it isn't there or is none. `key` is an SQL string. #}
{% macro json_number(column, key) %}{{ adapter.dispatch('json_number')(column, key) }}{% endmacro %}
{% macro default__json_number(column, key) -%}
    try_cast(get_json_object({{ column }}, concat('$.', {{ key }})) as double)
{%- endmacro %}
{% macro duckdb__json_number(column, key) %}try_cast(({{ column }} ->> {{ key }}) as double){% endmacro %}
