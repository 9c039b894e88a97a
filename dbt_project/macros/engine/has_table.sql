{# Whether the working database holds such a table by now: dbt's cache of relations is older than what hooks make. #}
{% macro has_table(schema, name) -%}
    {{ return(run_query("
        select 1
        from information_schema.tables
        where
            table_catalog = " ~ text_literal(target.database) ~ "
            and table_schema = " ~ text_literal(schema) ~ "
            and table_name = " ~ text_literal(name)).rows | length > 0) }}
{%- endmacro %}
