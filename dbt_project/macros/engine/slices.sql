{#
    Tables of the var sliced_models are written in slices of users, one after another, where there are more users than a
    slice takes: what one slice joins and sorts fits the memory, while the whole would go through the disk many times over. A slice
    is a range of user_id, which DuckDB hands down to whatever a query joins, groups or ranks by user. Rows come out in the order of
    their slices, so that a table in the order of its users stays so.
#}
{% macro duckdb__create_table_as(temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none) -%}
    {%- if temporary or language != 'sql' -%}
        {{ dbt.duckdb__create_table_as(temporary, relation, compiled_code, language, partitioned_by, sorted_by) }}
    {%- elif not config.get('contract').enforced -%}
        {{ config.get('sql_header') or '' }}
        create or replace table {{ relation }} as (
        {{ compiled_code }}
        );
    {%- else -%}
        {{ get_assert_columns_equivalent(compiled_code) }}
        {{ config.get('sql_header') or '' }}
        create or replace table {{ relation }} {{ get_table_columns_and_constraints() }};
        {% for slice in (user_slices() if model.name in var('sliced_models') else []) or ['true'] -%}
        insert into {{ relation }} {{ get_column_names() }} (
            select * from ({{ get_select_subquery(compiled_code) }}) as all_users where {{ slice }}
        );
        {% endfor -%}
    {%- endif -%}
{%- endmacro %}

{#
    Conditions on user_id that take about users_per_slice users each, all of them together everybody; fewer for one of models_of_candidates,
    which are built after the policy they read. Bounds are of private.user_keys, which whatever tells of users is built after, or of the
    users in `lists`: a fifth as many of them a slice, for the rows of some lie among those of all. By a query: load_relation() would
    begin a transaction, and one can't write two databases.
#}
{% macro user_slices(lists=none) -%}
    {%- set users_per_slice = var('users_per_slice') | string -%}
    {%- if model.name in var('models_of_candidates') -%}
        {#- not by ref(): who is sliced need not read the policy itself -#}
        {%- set users_per_slice = '(
            select greatest(1, least(' ~ users_per_slice ~ ', ' ~ var('candidates_per_slice') ~ ' // nullif(cast(value as bigint), 0)))
            from ' ~ graph.nodes['seed.' ~ project_name ~ '.policy_values'].relation_name ~ '
            where name = \'max_candidates_per_user\'
        )' -%}
    {%- endif -%}
    {%- set users = api.Relation.create(database=target.database, schema='private', identifier='user_keys') -%}
    {%- if lists -%}
        {%- set users = '(' ~ listed_users(lists) ~ ')' -%}
        {%- set users_per_slice = 'greatest(1, ' ~ users_per_slice ~ ' // 5)' -%}
    {%- endif -%}
    {%- set first_ones = run_query('
        select min(user_id) as first_one
        from (
            select user_id, (row_number() over (order by user_id) - 1) // ' ~ users_per_slice ~ ' as slice
            from ' ~ users ~ '
            where user_id is not null
        )
        group by slice
        order by slice').columns['first_one'].values() | list -%}
    {%- set slices = [] -%}
    {%- for first_one in first_ones -%}
        {%- set bounds = [] -%}
        {%- if not loop.first -%}{%- do bounds.append('user_id >= ' ~ text_literal(first_one)) -%}{%- endif -%}
        {%- if not loop.last -%}{%- do bounds.append('user_id < ' ~ text_literal(loop.nextitem)) -%}{%- endif -%}
        {%- do slices.append(bounds | join(' and ') or 'true') -%}
    {%- endfor -%}
    {{ return(slices) }}
{%- endmacro %}
