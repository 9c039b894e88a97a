{#
    What materializes a model: its table or view takes the place of what was there in one statement; when that fails, the transaction
    ends and the old one stays, unless it was of the other kind. dbt-duckdb builds beside it, renames twice and drops, each by a macro
    and a query of its own: a quarter of the time of a small model. `passing`, a table that `query` reads, goes with it.
#}
{% macro replaced(kind, query=compiled_code, passing=none) -%}
    {%- set target_relation = this.incorporate(type=kind) -%}
    {%- set existing = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if existing is not none and existing.type != kind -%} {#- DuckDB replaces a table by a table and a view by a view -#}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {% call statement('main') -%}
        {%- if kind == 'view' -%} {{ get_create_view_as_sql(target_relation, query) }}
        {%- else -%} {{ create_table_as(False, target_relation, query) }}
        {%- endif -%}
    {%- endcall %}
    {{ drop_relation_if_exists(passing) }}
    {%- if kind == 'table' -%}{%- do create_indexes(target_relation) -%}{%- endif -%}
    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmacro %}
