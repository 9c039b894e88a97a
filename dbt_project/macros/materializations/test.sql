{# As dbt's; but of a test whose inputs are the same (macros/engine/changes.sql) nothing is asked. #}
{% materialization test, adapter='duckdb' %}
    {%- set lists = changed_users_of_test() -%}
    {%- if lists == [] -%}
        {%- do store_raw_result(
            'main', message='passed before', code=none, rows_affected=none,
            agate_table=graph['offerhouse_changes']['no_failures']
        ) -%}
        {{ return({'relations': []}) }}
    {%- endif -%}
    {{ return(dbt.materialization_test_default()) }}
{% endmaterialization %}
