{#
    Write, audit, publish. The working database's tables and views are written to a new file, but for the shop's own, those of the
    schema private and what models alone read (is_publishable); the file is fingerprinted relation by relation into its own
    audits.publication, and takes the published database's place by one rename. private.people goes to a file of its own, for exports.
    Whoever dies on the way leaves files that nobody reads. The functions of the file system are the plugin's
    (promo_cli/publish_plugin.py). A build of what changed goes on from a copy of what is published (macros/engine/publish_changes.sql).

    `dbt run-operation publish` (promo publish) publishes the last complete build again, as after a rollback; when a relation has
    changed since that build, it refuses. `unless` is the build that is published by now.
#}
{% macro publish(unless='') %}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {%- set is_repeated = flags.WHICH == 'run-operation' -%}
    {%- set build_id = last_complete_build() if is_repeated else invocation_id -%}
    {%- if build_id == unless -%}{{ return('') }}{%- endif -%}
    {%- set file = copy_last_publication() -%}
    {%- do begin_sums() -%}
    {%- if file -%}
        {%- do change_publication(file) -%}
    {%- else -%}
        {%- set file = run_query('select new_publication() as file').rows[0]['file'] -%}
        {%- do copy_relations(file) -%}
        {%- do sum_relations() -%}
    {%- endif -%}
    {%- do fingerprint_relations(build_id) -%}
    {%- if is_repeated -%}{%- do refuse_changed(build_id) -%}{%- endif -%}
    {%- do record_publication(build_id) -%}
    {%- for database in [target.database, 'publication'] -%}
        {%- do run_query('create or replace table ' ~ adapter.quote(database) ~ '.audits.publication as from publication_rows') -%}
        {%- do run_query('
            update ' ~ adapter.quote(database) ~ '.audits.builds as builds
            set as_of_date = facts.as_of_date, policy_version = facts.policy_version, models = facts.models,
                content_hash = facts.content_hash
            from publication_facts as facts
            where builds.build_id = facts.build_id') -%}
    {%- endfor -%}
    {%- do comment_publication() -%}
    {%- do finish_file('publication') -%}
    {%- set people = copy_people() -%}
    {%- set published = run_query('select put_in_place(' ~ text_literal(file) ~ ', ' ~ text_literal(people) ~ ') as file') -%}
    {%- do keep_sums(build_id) -%}
    {%- do log('Published: ' ~ published.rows[0]['file'], info=true) -%}
    {{ return('') }}
{% endmacro %}

{# Every table and view that may be published, in the new file; left attached as publication. #}
{% macro copy_relations(file) -%}
    {%- set tables = publishable_tables() -%}
    {%- set views = publishable_views() -%}
    {%- do attach_file(file, 'publication') -%}
    {%- do write_tables(tables, tables | map(attribute='schema_name') | list + views | map(attribute='schema_name') | list) -%}
    {%- do write_views(file, views | map(attribute='sql')) -%}
{%- endmacro %}

{#
    In a schema that dbt writes, for the shop's raw tables may stand in any other one of the same database; and no model whose YAML says
    `published: false` under meta: what models alone read stays where they do. `name` is the column that holds a relation's name.
#}
{% macro is_publishable(name) -%}
    {%- set schemas = [] -%}
    {%- set unpublished = [text_literal('')] -%}
    {%- for node in graph.nodes.values() if node.resource_type in ['model', 'seed', 'snapshot'] -%}
        {%- do schemas.append(text_literal(node.schema)) -%}
        {%- if not node.config.meta.get('published', true) -%}
            {%- do unpublished.append(text_literal(node.schema ~ '.' ~ node.alias)) -%}
        {%- endif -%}
    {%- endfor -%}
    database_name = current_database()
    and not internal
    and not temporary
    and schema_name in ({{ schemas | unique | join(', ') }})
    and schema_name not in ('shop', {{ text_literal(var('shop_schema')) }}, 'private')
    and schema_name || '.' || {{ name }} not in ({{ unpublished | join(', ') }})
{%- endmacro %}

{% macro publishable_tables() -%}
    {{ return(run_query('
        select schema_name, table_name, schema_name || chr(46) || table_name as relation, estimated_size as row_count
        from duckdb_tables() where ' ~ is_publishable('table_name') ~ ' order by all').rows) }}
{%- endmacro %}

{% macro publishable_views() -%}
    {{ return(run_query('
        select schema_name, view_name, schema_name || chr(46) || view_name as relation, sql
        from duckdb_views()
        where ' ~ is_publishable('view_name') ~ '
        order by view_oid').rows) }}
{%- endmacro %}

{# Writes tables of the working database into the publication, in the place of what is there. #}
{% macro write_tables(tables, schemas) -%}
    {%- set statements = ['select 1'] -%}
    {%- for schema in schemas | unique -%}
        {%- do statements.append('create schema if not exists publication.' ~ adapter.quote(schema)) -%}
    {%- endfor -%}
    {%- do run_query(statements | join(';')) -%}
    {%- set copies = {} -%}
    {%- for table in tables -%}
        {%- set name = adapter.quote(table['schema_name']) ~ '.' ~ adapter.quote(table['table_name']) -%}
        {%- do copies.update({table['relation']:
            'create or replace table publication.' ~ name ~ ' as from ' ~ adapter.quote(target.database) ~ '.' ~ name}) -%}
    {%- endfor -%}
    {%- do change_tables(tables, copies) -%}
{%- endmacro %}

{#
    Runs the statements {relation: SQL} of `tables`, in one call: dbt's own part of each is more than a small table takes. Small
    tables go in one transaction, as each waits for the disk; of large ones, too many rows would stay in memory until the last.
#}
{% macro change_tables(tables, statements) -%}
    {%- set small = [] -%}
    {%- set large = [] -%}
    {%- for table in tables if table['relation'] in statements -%}
        {%- do (small if table['row_count'] < 10000 else large).append(statements[table['relation']]) -%}
    {%- endfor -%}
    {%- set transactions = [] -%}
    {%- for transaction in [small | join(';\n')] + large if transaction -%}
        {%- do transactions.append('begin;\n' ~ transaction ~ ';\ncommit') -%}
    {%- endfor -%}
    {%- do run_query('set preserve_insertion_order = true') -%}
    {%- do run_query(transactions | join(';\n') or 'select 1') -%}
    {%- do run_query('set preserve_insertion_order = false') -%}
{%- endmacro %}

{# Makes views of a publication whose tables are there; it is left attached. #}
{% macro write_views(file, statements) -%}
    {%- set literals = [] -%}
    {%- for statement in statements -%}{%- do literals.append(text_literal(statement)) -%}{%- endfor -%}
    {%- if literals -%}
        {%- do finish_file('publication') -%}
        {%- do run_query('select make_views(' ~ text_literal(file) ~ ', cast([' ~ literals | join(', ') ~ '] as varchar[]))') -%}
        {%- do attach_file(file, 'publication') -%}
    {%- endif -%}
{%- endmacro %}

{# Attaches a file of the publication, with the key where databases are encrypted, and without a log: see finish_file. #}
{% macro attach_file(file, name) -%}
    {%- do run_query('select attach_file(' ~ text_literal(file) ~ ', ' ~ text_literal(name) ~ ')') -%}
{%- endmacro %}

{# Only a checkpoint brings what was written into the file; one that can't be made is an error. #}
{% macro finish_file(name) -%}
    {%- do run_query('checkpoint ' ~ name) -%}
    {%- do run_query('detach ' ~ name) -%}
{%- endmacro %}

{# Who the users of the publication are, and who of them has withdrawn consent; the file. #}
{% macro copy_people() -%}
    {%- set file = run_query('select new_people() as file').rows[0]['file'] -%}
    {%- do attach_file(file, 'people_of_publication') -%}
    {%- do run_query('create table people_of_publication.people as from private.people') -%}
    {%- do run_query('
        create table people_of_publication.withdrawals as
        select user_id, purpose, changed_at from staging.base_consents where not granted') -%}
    {%- do finish_file('people_of_publication') -%}
    {{ return(file) }}
{%- endmacro %}

{# Whether the profile brings the functions that publish: the training database's has none, and a shop's own may have none. #}
{% macro can_publish() -%}
    {%- set found = run_query("select count(*) as found from duckdb_functions() where function_name = 'put_in_place'") -%}
    {{ return(found.rows[0]['found'] > 0) }}
{%- endmacro %}

{% macro last_complete_build() -%}
    {%- set found = run_query("
        select build_id
        from audits.builds
        where is_complete and outcome = 'passed' and command = 'build' and content_hash is not null
        order by rowid desc -- a clock may be set back
        limit 1") -%}
    {%- if not found.rows -%}
        {{ exceptions.raise_compiler_error('no build has passed every model and test yet: run promo build') }}
    {%- endif -%}
    {{ return(found.rows[0]['build_id']) }}
{%- endmacro %}

{# The copy has to be what the build left: the shop may have been loaded again since, or a part been built. #}
{% macro refuse_changed(build_id) -%}
    {%- set changed = run_query("
        select coalesce(old.relation, new.relation) as relation
        from audits.publication as old
        full join publication_rows as new on old.relation = new.relation
        where
            old.content_hash is distinct from new.content_hash or old.build_id is distinct from new.build_id
        order by relation
        limit 1") -%}
    {%- if changed.rows -%}
        {{ exceptions.raise_compiler_error(
            changed.rows[0]['relation'] ~ ' has changed since the last complete build: run promo build, which publishes') }}
    {%- endif -%}
{%- endmacro %}

{#
    Temporary table publication_parts: rows and sums of row hashes of the publication's relations, in as many parts as it takes.
    The last sums are dropped first: who dies on the way leaves none to go on from.
#}
{% macro begin_sums() -%}
    {%- do run_query('drop table if exists private.published_sums') -%}
    {%- do run_query('
        create or replace temp table publication_parts (
            relation varchar, kind varchar, row_count bigint, row_hashes hugeint, models varchar[]
        )') -%}
{%- endmacro %}

{# What the next publication may go on from (macros/engine/publish_changes.sql), with the mark of the file that holds it. #}
{% macro keep_sums(build_id) -%}
    {%- do run_query("
        create table private.published_sums as
        select
            '" ~ build_id ~ "' as build_id,
            published_mark() as mark,
            relation,
            any_value(kind) as kind,
            cast(sum(row_count) as bigint) as row_count,
            sum(row_hashes) as row_hashes,
            flatten(list(models) filter (models is not null)) as models
        from publication_parts
        group by relation") -%}
{%- endmacro %}

{# Relations of the publication that are fingerprinted, with the columns that are: all but the record of builds. #}
{% macro summed_relations() -%}
    {{ return(run_query("
        select
            columns.table_schema || '.' || columns.table_name as relation,
            columns.table_schema as schema_name,
            columns.table_name as name,
            any_value(case tables.table_type when 'VIEW' then 'view' else 'table' end) as kind,
            string_agg('\"' || replace(columns.column_name, '\"', '\"\"') || '\"', ', ' order by columns.ordinal_position)
                filter (where columns.column_name not in ('" ~ var('unhashed_columns') | join("', '") ~ "')) as hashed,
            count(*) filter (where columns.column_name in ('model_name', 'model_version')) = 2
                and any_value(tables.table_type) <> 'VIEW' as names_model, -- a view names those of the tables that it reads
            bool_or(columns.column_name = 'user_id') as has_users
        from information_schema.columns as columns
        inner join information_schema.tables as tables
            on
                columns.table_catalog = tables.table_catalog
                and columns.table_schema = tables.table_schema
                and columns.table_name = tables.table_name
        where
            columns.table_catalog = 'publication'
            and not (columns.table_schema = 'audits' and columns.table_name in ('builds', 'build_nodes', 'publication'))
        group by columns.table_schema, columns.table_name
        order by columns.table_schema, columns.table_name").rows) }}
{%- endmacro %}

{% macro published_name(relation) -%}
    {{ return('publication.' ~ adapter.quote(relation['schema_name']) ~ '.' ~ adapter.quote(relation['name'])) }}
{%- endmacro %}

{#
    The statements that sum a relation's rows that meet `condition`. Views of users are summed slice by slice
    (macros/engine/slices.sql): what they compute for everybody at once may not fit the memory. Staging computes nothing, and each
    slice would read all rows of a table that doesn't lie by user.
#}
{% macro sums_of(relation, slices, condition='true', sign='') -%}
    {%- set is_sliced = relation['kind'] == 'view' and relation['has_users'] and relation['schema_name'] != 'staging'
        and slices | length > 1 -%}
    {%- set sums = [] -%}
    {%- for slice in (slices + ['user_id is null'] if is_sliced else ['true']) -%}
        {%- do sums.append("
            insert into publication_parts
            select " ~ text_literal(relation['relation']) ~ ", '" ~ relation['kind'] ~ "', " ~ sign ~ 'count(*), '
            ~ sign ~ 'sum(cast(hash(' ~ (relation['hashed'] or '1') ~ ') as hugeint)), ' ~ (
                "list(distinct model_name || ' ' || model_version)" if relation['names_model'] and condition == 'true' else 'null')
            ~ ' from ' ~ published_name(relation) ~ ' as summed where ' ~ slice ~ ' and ' ~ condition) -%}
    {%- endfor -%}
    {{ return(sums) }}
{%- endmacro %}

{% macro sum_relations() -%}
    {%- set slices = user_slices() -%}
    {%- set sums = [] -%}
    {%- for relation in summed_relations() -%}{%- do sums.extend(sums_of(relation, slices)) -%}{%- endfor -%}
    {%- do run_query(sums | join(';')) -%}
{%- endmacro %}

{#
    Temporary table publication_rows: one row a relation of the publication, with a content hash that depends neither on the order of
    the rows nor on threads: a sum of row hashes, for which repeated rows count as often as they stand there. Columns of the var
    unhashed_columns tell when, not what, and are left out; so is the record of builds.
#}
{% macro fingerprint_relations(build_id) -%}
    {%- do run_query("
        create or replace temp table publication_rows as
        select
            relation,
            any_value(kind) as kind,
            '" ~ build_id ~ "' as build_id,
            cast(sum(row_count) as bigint) as row_count,
            md5(concat_ws('|', sum(row_count), coalesce(sum(row_hashes), 0))) as content_hash,
            list_sort(list_distinct(flatten(list(models) filter (models is not null)))) as models
        from publication_parts
        group by relation") -%}
{%- endmacro %}

{# SQL for the SHA-256 of every row of every policy in `database`, whatever order they stand in; null while there are none. #}
{% macro policy_version_of(database) -%}
    {%- set policies = run_query("
        select table_name from information_schema.tables
        where table_catalog = '" ~ database ~ "' and table_schema = 'policies'") -%}
    {%- set contents = [] -%}
    {%- for policy in policies.rows -%}
        {%- do contents.append(
            'select ' ~ text_literal(policy['table_name']) ~ ' as policy, cast(to_json(whole_row) as varchar) as content from '
            ~ adapter.quote(database) ~ '.policies.' ~ adapter.quote(policy['table_name']) ~ ' as whole_row') -%}
    {%- endfor -%}
    {%- if contents -%}
        (
            select sha256(coalesce(string_agg(policy || ' ' || content, chr(10) order by policy, content), ''))
            from ({{ contents | join(' union all ') }})
        )
    {%- else -%}
        null
    {%- endif -%}
{%- endmacro %}

{# Temporary table publication_facts: what holds for the whole copy. Completes publication_rows. #}
{% macro record_publication(build_id) -%}
    {%- do run_query("
        create or replace temp table publication_facts as
        select
            '" ~ build_id ~ "' as build_id,
            (select max(as_of_date) from publication.staging.as_of_dates) as as_of_date,
            " ~ policy_version_of('publication') ~ " as policy_version,
            (select list_sort(list(distinct model)) from (select unnest(models) as model from publication_rows)) as models,
            (select md5(string_agg(relation || ' ' || content_hash, chr(10) order by relation)) from publication_rows) as content_hash") -%}
    {%- do run_query("
        create or replace temp table publication_rows as
        select rows.*, facts.as_of_date, facts.policy_version, cast(now() as timestamp) as published_at
        from publication_rows as rows
        cross join publication_facts as facts") -%}
{%- endmacro %}
