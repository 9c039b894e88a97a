{# Rows as JSON text. `columns` are column names. #}
{% macro json_object(columns) %}{{ adapter.dispatch('json_object')(columns) }}{% endmacro %}
{% macro default__json_object(columns) -%}
    to_json(named_struct({% for column in columns %}'{{ column }}', {{ column }}{{ ", " if not loop.last }}{% endfor %}))
{%- endmacro %}
{% macro duckdb__json_object(columns) -%}
    cast(to_json(struct_pack(
        {%- for column in columns %}{{ quoted_name(column) }} := {{ quoted_name(column) }}{{ ", " if not loop.last }}{% endfor -%}
    )) as string)
{%- endmacro %}

{# An amount out of a JSON object in a text column, null where it isn't there, is none or has over 12 digits before its point.
   `key` is an SQL string. #}
{% macro json_number(column, key) %}{{ adapter.dispatch('json_number')(column, key) }}{% endmacro %}
{% macro default__json_number(column, key) -%}
    cast(try_cast(get_json_object({{ column }}, concat('$.', {{ key }})) as decimal(18, 6)) as double)
{%- endmacro %}
{% macro duckdb__json_number(column, key) %}cast(try_cast(({{ column }} ->> {{ key }}) as decimal(18, 6)) as double){% endmacro %}

{# A vector as a JSON object whose members bear `names`, in that order; null for no vector. What is no number is null. #}
{% macro json_of_vector(names, vector) %}{{ adapter.dispatch('json_of_vector')(names, vector) }}{% endmacro %}
{% macro default__json_of_vector(names, vector) -%}
    to_json(map_from_arrays(array('{{ names | join("', '") }}'), transform({{ vector }}, item -> nullif(item, float('NaN')))))
{%- endmacro %}
{# by way of text, so that a single-precision .1 is written .1 and not in the 17 digits of its double #}
{% macro duckdb__json_of_vector(names, vector) -%}
    cast(to_json(map(
        ['{{ names | join("', '") }}'],
        list_transform({{ vector }}, lambda item: case when isfinite(item) then cast(cast(item as string) as double) end)
    )) as string)
{%- endmacro %}
