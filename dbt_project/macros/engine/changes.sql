{#
    A build of what changed (promo build --changes). Each table is compared with what it held before; from there on, a model whose
    inputs are the same is not run, and one that is computed user by user (the var models_by_user) is run for those users alone of
    whom an input has changed. What is built is what a build of everything would build.

    It stands on the last build: private.last_build says which SQL and which code it ran, and is there only while the tables are as
    that build left them. The schema `changes` lives as long as the build and holds lists of users. Which lists tell of a node is noted
    in dbt's own `graph`, which all nodes of a build share: [] of a node that is the same; of one that isn't noted everything may differ.
#}
{% macro begin_changes() -%}
    {%- do end_changes() -%}
    {%- set is_known = env_var('OFFERHOUSE_CHANGES', '') == 'on' and flags.WHICH == 'build' and not flags.FULL_REFRESH
        and has_last_build() -%}
    {%- if is_known -%}
        {%- do run_query('create schema changes') -%}
        {%- set last_build = run_query('select node, sql_hash, build_id from private.last_build').rows -%}
        {%- set sql_hashes = {} -%}
        {%- for row in last_build -%}{%- do sql_hashes.update({row['node']: row['sql_hash']}) -%}{%- endfor -%}
        {%- do graph.update({'offerhouse_changes': {
            'since': last_build[0]['build_id'], 'sql_hashes': sql_hashes, 'users': {}, 'of_open_days': {}, 'is_over': false,
            'no_failures': run_query('select 0 as failures, false as should_warn, false as should_error')
        }}) -%}
    {%- elif env_var('OFFERHOUSE_CHANGES', '') == 'on' -%}
        {%- do log('Build of what changed: everything, for the last build was none of the same project, policies, models and version that passed',
            info=true) -%}
    {%- endif -%}
    {%- do run_query('create schema if not exists private') -%}
    {%- do run_query('drop table if exists private.last_build') -%}
{%- endmacro %}

{# `results`: of a complete build that passed. A test that warned is to be run again, and so isn't remembered. #}
{% macro keep_last_build(results) -%}
    {%- if env_var('OFFERHOUSE_CODE', '') -%}
        {%- set built = [] -%}
        {%- for result in results if result.status in ['success', 'pass'] and result.node.resource_type in ['model', 'test'] -%}
            {%- do built.append({'node': result.node.unique_id, 'sql_hash': local_md5(result.node.compiled_code or '')}) -%}
        {%- endfor -%}
        {%- do run_query("
            create table private.last_build as
            select
                " ~ text_literal(invocation_id) ~ " as build_id,
                " ~ text_literal(env_var('OFFERHOUSE_CODE')) ~ " as code_hash,
                unnest(from_json(" ~ text_literal(tojson(built)) ~ ", '[{\"node\": \"varchar\", \"sql_hash\": \"varchar\"}]'),
                    max_depth := 2)") -%}
    {%- endif -%}
{%- endmacro %}

{#
    What a build of what changed goes on from, where tables or the publication are no more as the last build left them
    (promo_cli/erasing.py has the same).
#}
{% macro forget_last_build() -%}
    {%- for row in run_query("
        select table_name
        from duckdb_tables()
        where
            database_name = current_database()
            and schema_name = 'private'
            and (table_name in ('last_build', 'published_sums') or starts_with(table_name, 'rows_of_shop_'))").rows -%}
        {%- do run_query('drop table private.' ~ adapter.quote(row['table_name'])) -%}
    {%- endfor -%}
{%- endmacro %}

{% macro tell_changes() -%}
    {%- if builds_changes() -%}
        {%- set known = graph['offerhouse_changes']['users'].values() | list -%}
        {%- do log('Build of what changed: ' ~ (known | select('equalto', []) | list | length)
            ~ ' models are as they were, ' ~ (known | reject('equalto', []) | list | length)
            ~ ' differ for users of whom something changed, '
            ~ ((graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | list | length) - (known | length))
            ~ ' for anybody', info=true) -%}
    {%- endif -%}
{%- endmacro %}

{% macro end_changes() -%}{%- do run_query('drop schema if exists changes cascade') -%}{%- endmacro %}

{% macro has_last_build() -%}
    {{ return(has_table('private', 'last_build') and run_query('
        select 1 from private.last_build where code_hash = ' ~ text_literal(env_var('OFFERHOUSE_CODE', '')) ~ ' limit 1').rows) }}
{%- endmacro %}

{# Whether this is such a build; no more once the as-of date turns out to be another, with which everything moves. #}
{% macro builds_changes() -%}
    {{ return(execute and 'offerhouse_changes' in graph and not graph['offerhouse_changes']['is_over']) }}
{%- endmacro %}

{#
    The lists of users of whom some of `nodes` changed; [] when none did, and none (the value) when it isn't known, or more than a
    list of users can tell.
#}
{% macro changed_users(nodes) -%}
    {%- set lists = [] -%}
    {%- for node in nodes if not node.startswith('seed.') -%} {#- seeds are code -#}
        {%- if node not in graph['offerhouse_changes']['users'] -%}{{ return(none) }}{%- endif -%}
        {%- do lists.extend(graph['offerhouse_changes']['users'][node]) -%}
    {%- endfor -%}
    {{ return(lists | unique | list) }}
{%- endmacro %}

{# Notes which lists of users tell what changed of the model that is being built. #}
{% macro note_changed_users(lists) -%}
    {%- do log('changed: ' ~ model.name ~ ' ' ~ lists) -%}
    {%- do graph['offerhouse_changes']['users'].update({model.unique_id: lists}) -%}
{%- endmacro %}

{# Of the model that is being built: changed_users of all that it reads, where it says the same as in the last build. #}
{% macro changed_users_of_inputs() -%}
    {%- set reads_more = reads_beside_its_inputs() or config.get('meta', {}).get('reads_clock') -%}
    {%- if reads_more or not says_the_same() -%}{{ return(none) }}{%- endif -%}
    {%- set lists = changed_users(model.depends_on.nodes) -%}
    {%- if lists and config.get('meta', {}).get('leaves_out_open_days') -%}
        {%- set lists = lists | reject('in', graph['offerhouse_changes']['of_open_days']) | list -%}
    {%- endif -%}
    {{ return(lists) }}
{%- endmacro %}

{% macro says_the_same() -%}
    {{ return(graph['offerhouse_changes']['sql_hashes'].get(model.unique_id) == local_md5(compiled_code)) }}
{%- endmacro %}

{# Whether it reads what is no node of the project: a table of the shop, the record of builds, what it held itself. #}
{% macro reads_beside_its_inputs() -%}
    {%- set rest = namespace(sql=compiled_code) -%}
    {%- for node in model.depends_on.nodes if node in graph.nodes -%}
        {%- set rest.sql = rest.sql | replace(graph.nodes[node].relation_name, '') -%}
    {%- endfor -%}
    {{ return(
        adapter.quote(target.database) ~ '.' in rest.sql
        or modules.re.search('"[^"]+"[.]"[^"]+"[.]"[^"]+"', rest.sql) is not none
    ) }}
{%- endmacro %}

{% macro listed_users(lists) -%}select user_id from {{ lists | join(' union select user_id from ') }}{%- endmacro %}

{# A condition on user_id: who stands in one of `lists`; rows without a user don't. #}
{% macro is_listed(lists) -%}user_id in ({{ listed_users(lists) }}){%- endmacro %}

{# `query`, of the model or the test at hand, reading the rows alone of the users in `lists`, or of nobody if `or_nobody` says so. #}
{% macro of_users(query, lists, or_nobody=false) -%}
    {{ return(where_users(query, ('user_id is null or ' if or_nobody else '') ~ is_listed(lists))) }}
{%- endmacro %}

{# `query`, of the model or the test at hand, reading of what tells of users the rows alone that meet `condition`, on user_id. #}
{% macro where_users(query, condition) -%}
    {%- set cut = namespace(sql=query) -%}
    {%- for node in model.depends_on.nodes if 'user_id' in graph.nodes.get(node, {}).get('columns', {}) -%}
        {%- set name = graph.nodes[node].relation_name -%}
        {%- set cut.sql = cut.sql | replace(name, '(select * from ' ~ name ~ ' where ' ~ condition ~ ')') -%}
    {%- endfor -%}
    {{ return(cut.sql) }}
{%- endmacro %}

{#
    What compares the rows of a relation by `user`, an expression told as `name`: their number and the sum of their hashes, and of those
    that meet `closed`, too.
#}
{% macro prints_by(user, columns, relation, condition='true', closed='true', name='user_id') -%}
    {%- set row_hashes = 'sum(cast(hash(' ~ columns | join(', ') ~ ') as hugeint))' -%}
    select
        {{ user }} as {{ name }},
        count(*) as row_count,
        {{ row_hashes }} as row_hashes,
        {{ row_hashes }} filter ({{ closed }}) as closed_hashes
    from {{ relation }}
    where {{ condition }}
    group by 1
{%- endmacro %}

{#
    Those of the model that is being built; of one without users, all rows together. Where the model says which column is a row's `day`,
    closed are the rows before the first open day (macros/staging/first_open_day.sql): what shop-wide statistics look at.
#}
{% macro prints_of(relation, condition='true') -%}
    {%- set hashed = [] -%}
    {%- for column in model.columns if column not in var('unhashed_columns') -%}{%- do hashed.append(adapter.quote(column)) -%}{%- endfor -%}
    {%- set day = config.get('meta', {}).get('day') -%}
    {{ prints_by(
        'user_id' if 'user_id' in model.columns else 'cast(null as varchar)', hashed, relation, condition,
        day ~ ' < ' ~ first_open_day(adapter.quote(target.database) ~ '.staging.as_of_dates') if day else 'true'
    ) }}
{%- endmacro %}

{# Of whom two prints_by differ, by the column `name` of both; is_closed: in what meets `closed`. #}
{% macro differing_users(before, after, name='user_id') -%}
    select
        coalesce(before.{{ name }}, after.{{ name }}) as {{ name }},
        before.closed_hashes is distinct from after.closed_hashes as is_closed
    from ({{ before }}) as before
    full join ({{ after }}) as after on before.{{ name }} is not distinct from after.{{ name }}
    where before.row_count is distinct from after.row_count or before.row_hashes is distinct from after.row_hashes
{%- endmacro %}

{#
    The rows of a model of models_by_user for the users in `lists`, in changes.rows_of_<model>; whether the model may be brought up to
    date by them. It may not where a key (the `key` of the model's meta) stands with one of these users and with another one as well:
    who of them keeps it is decided among all; nor where rows without a user changed.
#}
{% macro make_rows_of_users(relation, query, lists) -%}
    {%- set key = config.get('meta', {}).get('key') -%}
    {%- if key and run_query('select 1 from (' ~ listed_users(lists) ~ ') as listed where user_id is null').rows -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set rows = 'changes.rows_of_' ~ model.name -%}
    {%- do run_query('create table ' ~ rows ~ ' as from ' ~ relation ~ ' where false') -%}
    {%- for slice in (user_slices(lists) if model.name in var('sliced_models') else []) or ['true'] -%}
        {%- set of_slice = where_users(query, is_listed(lists) ~ ' and ' ~ slice) -%}
        {%- do run_query('insert into ' ~ rows ~ ' ' ~ get_column_names() ~ ' (' ~ get_select_subquery(of_slice) ~ ')') -%}
    {%- endfor -%}
    {{ return(not key or not run_query('
        select 1
        from ' ~ relation ~ ' as others
        semi join (
            select ' ~ key | join(', ') ~ ' from ' ~ rows ~ ' union all
            select ' ~ key | join(', ') ~ ' from ' ~ relation ~ ' where ' ~ is_listed(lists) ~ '
        ) as own using (' ~ key | join(', ') ~ ')
        where not coalesce(' ~ is_listed(lists) ~ ', false)
        limit 1').rows) }}
{%- endmacro %}

{# The statements that put them in the place of these users' rows. #}
{% macro replace_users(relation, lists) -%}
    {%- set rows = 'changes.rows_of_' ~ model.name -%}
    {%- set users = 'changes.users_of_' ~ model.name -%}
    create table {{ users }} as {{ differing_users(prints_of(relation, is_listed(lists)), prints_of(rows)) }};
    delete from {{ relation }} where {{ is_listed([users]) }};
    insert into {{ relation }} from {{ rows }} where {{ is_listed([users]) }};
    drop table {{ rows }};
{%- endmacro %}

{#
    Before and after a table is written anew, or a model that adds to its table adds: note who changed, or that nobody did. Where most
    did, it isn't said who. The table changes.users_of_<model> may be there already (replace_users).
#}
{% macro remember_rows() -%}
    {%- if builds_changes() and load_cached_relation(this) is not none -%}
        {%- do run_query('create table changes.before_' ~ model.name ~ ' as ' ~ prints_of(this)) -%}
    {%- endif -%}
    {{ return('') }}
{%- endmacro %}

{% macro note_changed_rows() -%}
    {%- if not builds_changes() -%}{{ return('') }}{%- endif -%}
    {%- if has_table('changes', 'before_' ~ model.name) -%}
        {%- do run_query('create table changes.users_of_' ~ model.name ~ ' as '
            ~ differing_users('from changes.before_' ~ model.name, prints_of(this))) -%}
    {%- endif -%}
    {%- if has_table('changes', 'users_of_' ~ model.name) -%}{%- do note_listed_users() -%}{%- endif -%}
    {{ return('') }}
{%- endmacro %}

{# From the table changes.users_of_<model>. #}
{% macro note_listed_users() -%}
    {%- set users = 'changes.users_of_' ~ model.name -%}
    {%- set found = run_query('
        select
            count(*) as changed, count(*) filter (is_closed) as closed, count(user_id) as named,
            (select count(*) from private.user_keys) as everybody
        from ' ~ users).rows[0] -%}
    {%- if found['closed'] == 0 -%}{%- do graph['offerhouse_changes']['of_open_days'].update({users: true}) -%}{%- endif -%}
    {%- if found['changed'] == 0 -%}
        {%- do note_changed_users([]) -%}
    {%- elif 'user_id' in model.columns and found['named'] * 2 < found['everybody'] -%}
        {%- do note_changed_users([users]) -%}
    {%- elif model.name == 'as_of_dates' -%}
        {%- do log('Build of what changed: everything, for the as-of date is another', info=true) -%}
        {%- do graph['offerhouse_changes'].update({'is_over': true}) -%}
    {%- endif -%}
{%- endmacro %}

{#
    A data test of a build of what changed: what is the same has passed already (macros/materializations/test.sql), and one that
    judges each row, or each user's rows, on their own looks at the users who changed.
#}
{% macro duckdb__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
    {%- set lists = changed_users_of_test() -%}
    {%- set looked_at = of_users(main_sql, lists, or_nobody=true) if lists and judges_by_user() else main_sql -%}
    {{ dbt.default__get_test_sql(looked_at, fail_calc, warn_if, error_if, limit) }}
{%- endmacro %}

{% macro changed_users_of_test() -%}
    {{ return(changed_users(model.depends_on.nodes) if builds_changes() and says_the_same() else none) }}
{%- endmacro %}

{# One that is no more than its SQL says so by its config: meta.by_user. #}
{% macro judges_by_user() -%}
    {%- set test = model.test_metadata or {} -%}
    {{ return(
        model.config.meta.get('by_user')
        or test.name in ['not_null_columns', 'holds', 'accepted_values']
        or test.name == 'unique_combination' and 'user_id' in test.kwargs.columns
    ) }}
{%- endmacro %}

{# For a model of scores: a condition on the users of `alias` whose inputs or permissions changed, in a build of what changed. #}
{% macro is_touched(alias) -%}
    {%- set lists = changed_users(model.depends_on.nodes) if is_incremental() and builds_changes() else none -%}
    {%- if lists is none -%} true
    {%- elif not lists -%} false
    {%- else -%} {{ alias }}.{{ is_listed(lists) }}
    {%- endif -%}
{%- endmacro %}

{# After scoring: whose scores may be others. #}
{% macro note_touched_users() -%}
    {%- set lists = changed_users(model.depends_on.nodes) if builds_changes() else none -%}
    {%- if lists is not none -%}{%- do note_changed_users(lists) -%}{%- endif -%}
    {{ return('') }}
{%- endmacro %}
