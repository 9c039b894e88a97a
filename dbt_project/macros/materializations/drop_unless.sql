{# DuckDB replaces a table by a table and a view by a view; what was the other kind before goes first. #}
{% macro drop_unless(kind) -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is not none and existing.type != kind -%}{%- do adapter.drop_relation(existing) -%}{%- endif -%}
{%- endmacro %}
