{% materialization view, adapter='duckdb' %}
    {{ return(replaced('view')) }}
{% endmaterialization %}

{# As the adapter's, but for `or replace`. #}
{% macro duckdb__create_view_as(relation, sql) -%}
    {%- if config.get('contract').enforced -%}{{ get_assert_columns_equivalent(sql) }}{%- endif -%}
    {{ config.get('sql_header') or '' }}
    create or replace view {{ relation }} as (
    {{ sql }}
    );
{%- endmacro %}
