{#
    What materializes a model: its table or view takes the place of what was there in one statement; when that fails, the transaction
    ends and the old one stays, unless it was of the other kind. dbt-duckdb builds beside it, renames twice and drops, each by a macro
    and a query of its own: a quarter of the time of a small model. `passing`, a table that `query` reads, goes with it.

    A build of what changed (macros/engine/changes.sql) leaves a table whose inputs are the same as it is, brings one of
    models_by_user up to date for the users who changed, and makes no view again that says the same.
#}
{% macro replaced(kind, query=compiled_code, passing=none) -%}
    {%- set target_relation = this.incorporate(type=kind) -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set is_compared = builds_changes() and existing is not none and existing.type == kind and passing is none -%}
    {%- set lists = changed_users_of_inputs() if is_compared else none -%}
    {%- set is_by_user = lists and model.name in var('models_by_user')
        and (kind == 'view' or make_rows_of_users(this, query, lists)) -%}
    {%- if lists == [] or is_by_user and kind == 'view' -%}{%- do note_changed_users(lists) -%}{%- endif -%}
    {%- set is_same = lists == [] or is_compared and kind == 'view' and says_the_same() -%}
    {%- if is_same and not pre_hooks and not post_hooks -%} {#- no statement: to open a connection takes longer than the rest -#}
        {%- do store_raw_result('main', message='the same as before', code=none, rows_affected=none) -%}
        {{ return({'relations': [target_relation]}) }}
    {%- endif -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if existing is not none and existing.type != kind -%} {#- DuckDB replaces a table by a table and a view by a view -#}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- if is_compared and kind == 'table' and lists != [] and not is_by_user -%}{%- do remember_rows() -%}{%- endif -%}
    {% call statement('main') -%}
        {%- if kind == 'view' -%} {{ get_create_view_as_sql(target_relation, query) }}
        {%- elif lists == [] -%} select 'the same as before'
        {%- elif is_by_user -%} {{ replace_users(target_relation, lists) }}
        {%- else -%} {{ create_table_as(False, target_relation, of_learned_users(query)) }}
        {%- endif -%}
        {%- if kind == 'table' and lists != [] %}{{ refuse_doubles(target_relation, lists if is_by_user else none) }}{%- endif -%}
    {%- endcall %}
    {%- if is_compared and kind == 'table' and lists != [] -%}{%- do note_changed_rows() -%}{%- endif -%}
    {{ drop_relation_if_exists(passing) }}
    {%- if kind == 'table' and lists != [] -%}{%- do create_indexes(target_relation) -%}{%- endif -%}
    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmacro %}
