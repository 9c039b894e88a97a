{#
    The publication of a build of what changed (macros/engine/changes.sql) costs what changed. It begins as a copy of what is
    published, where relations that are the same stay, tables of which lists of users tell who changed get these users' rows anew, and
    the others are written as ever. A content hash rests on a sum over rows: that of a relation with such lists is the last one less
    these users' rows before, plus their rows now. It is what a publication of everything comes to.

    It stands on private.published_sums, which is of the build that the changes are counted from, and on the published file being the
    one that this build published: not rolled back, not written to since. Where it isn't, everything is published.
#}

{# The copy's file, attached as publication; none where everything is to be published. #}
{% macro copy_last_publication() -%}
    {%- if not builds_changes() -%}{{ return(none) }}{%- endif -%}
    {%- set since = text_literal(graph['offerhouse_changes']['since']) -%}
    {%- set marks = run_query('
        select distinct mark from private.published_sums where build_id = ' ~ since).rows if has_table('private', 'published_sums') else [] -%}
    {%- if not marks -%}{{ return(none) }}{%- endif -%}
    {%- set file = run_query('select copy_published(' ~ text_literal(marks[0]['mark']) ~ ') as file').rows[0]['file'] -%}
    {%- if not file -%}{{ return(none) }}{%- endif -%}
    {%- do attach_file(file, 'publication') -%}
    {%- if run_query('select 1 from publication.audits.publication where build_id is distinct from ' ~ since ~ ' limit 1').rows -%}
        {%- do run_query('detach publication') -%}
        {{ return(none) }}
    {%- endif -%}
    {%- do run_query('create or replace temp table last_sums as from private.published_sums') -%}
    {{ return(file) }}
{%- endmacro %}

{# Brings the copy up to date, and fills publication_parts. #}
{% macro change_publication(file) -%}
    {%- set alike = alike_relations() -%}
    {%- set changed = lists_by_relation(alike) -%}
    {%- do log('published as they are, or by user where there are lists: ' ~ changed) -%}
    {%- set slices = user_slices() -%}
    {%- set sums = [] -%}
    {%- for relation in summed_relations() if changed.get(relation['relation']) -%}
        {%- do sums.extend(sums_of(relation, slices, is_of_users(changed[relation['relation']], 'summed'), '-')) -%}
    {%- endfor -%}
    {%- do run_query(sums | join(';') or 'select 1') -%}

    {%- set tables = publishable_tables() -%}
    {%- set views = publishable_views() -%}
    {%- set made = views | rejectattr('relation', 'in', alike) | list -%}
    {%- do drop_gone(tables | map(attribute='relation') | list, alike) -%}
    {%- do replace_published_users(tables, changed) -%}
    {%- do write_tables(
        tables | rejectattr('relation', 'in', changed) | list,
        tables | map(attribute='schema_name') | list + views | map(attribute='schema_name') | list) -%}
    {%- do write_views(file, made | map(attribute='sql') | list) -%}

    {%- set kept = [] -%}
    {%- set sums = [] -%}
    {%- for relation in summed_relations() -%}
        {%- set lists = changed.get(relation['relation']) -%}
        {%- if lists is none -%}
            {%- do sums.extend(sums_of(relation, slices)) -%}
        {%- else -%}
            {%- do kept.append(text_literal(relation['relation'])) -%}
            {%- if lists -%}{%- do sums.extend(sums_of(relation, slices, is_of_users(lists, 'summed'))) -%}{%- endif -%}
            {%- if lists and relation['names_model'] -%}{%- do sums.append(models_of(relation)) -%}{%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if kept -%}{%- do sums.append(last_sums_of(kept)) -%}{%- endif -%}
    {%- do run_query(sums | join(';')) -%}
{%- endmacro %}

{#
    {relation: what it is} of those that are in both, with the same columns, and as a view with the same SQL: a view is the same
    whatever it reads. `is_partly_hashed`: the comparison of its rows left out its unhashed columns.
#}
{% macro alike_relations() -%}
    {%- set alike = {} -%}
    {%- for relation in run_query("
        with relations as (
            select
                database_name,
                schema_name,
                table_name,
                list(column_name || ' ' || data_type order by column_index) as shape,
                bool_or(column_name = 'user_id') as has_users,
                bool_or(column_name in ('" ~ var('unhashed_columns') | join("', '") ~ "')) as is_partly_hashed
            from duckdb_columns()
            where database_name in (current_database(), 'publication')
            group by database_name, schema_name, table_name
        ),

        alike as (
            select
                relations.schema_name || '.' || relations.table_name as relation,
                relations.has_users,
                relations.is_partly_hashed,
                views.sql is not null as is_view
            from relations
            left join duckdb_views() as views
                on
                    relations.database_name = views.database_name
                    and relations.schema_name = views.schema_name
                    and relations.table_name = views.view_name
            group by
                relations.schema_name,
                relations.table_name,
                relations.shape,
                relations.has_users,
                relations.is_partly_hashed,
                views.sql
            having count(*) = 2
        )

        select * from alike where relation in (select relation from last_sums)").rows -%}
        {%- do alike.update({relation['relation']: relation}) -%}
    {%- endfor -%}
    {{ return(alike) }}
{%- endmacro %}

{#
    {relation: the lists of users of whom its rows differ from those of the copy}, [] where none does; what isn't in it is summed
    anew, and a table written anew. A table that a build writes as a whole was compared without its unhashed columns, which have to
    be right, too.
#}
{% macro lists_by_relation(alike) -%}
    {%- set changed = {} -%}
    {%- for node, lists in graph['offerhouse_changes']['users'].items() -%}
        {%- set entry = graph['nodes'][node] -%}
        {%- set relation = alike.get(entry.schema ~ '.' ~ entry.alias) -%}
        {%- set is_kept = relation and (relation['has_users'] or not lists)
            and (relation['is_view'] or not relation['is_partly_hashed'] or entry.config.materialized == 'incremental') -%}
        {%- if is_kept -%}{%- do changed.update({relation['relation']: lists}) -%}{%- endif -%}
    {%- endfor -%}
    {{ return(changed) }}
{%- endmacro %}

{# A list may hold null: rows without a user. #}
{% macro is_of_users(lists, alias) -%}
    exists (
        select 1
        from ({{ listed_users(lists) }}) as users
        where users.user_id is not distinct from {{ alias }}.user_id
    )
{%- endmacro %}

{# What is no more, and views that are made again. #}
{% macro drop_gone(tables, alike) -%}
    {%- set statements = [] -%}
    {%- for relation in run_query("
        select schema_name, view_name as name, 'view' as kind
        from duckdb_views()
        where database_name = 'publication' and not internal
        union all
        select schema_name, table_name as name, 'table' as kind
        from duckdb_tables()
        where database_name = 'publication'").rows
        if relation['schema_name'] ~ '.' ~ relation['name'] not in (alike if relation['kind'] == 'view' else tables) -%}
        {%- do statements.append('drop ' ~ relation['kind'] ~ ' ' ~ published_name(relation)) -%}
    {%- endfor -%}
    {%- do run_query(statements | join(';') or 'select 1') -%}
{%- endmacro %}

{% macro replace_published_users(tables, changed) -%}
    {%- set statements = {} -%}
    {%- for table in tables if changed.get(table['relation']) -%}
        {%- set name = adapter.quote(table['schema_name']) ~ '.' ~ adapter.quote(table['table_name']) -%}
        {%- set lists = changed[table['relation']] -%}
        {%- do statements.update({table['relation']:
            'delete from publication.' ~ name ~ ' as before where ' ~ is_of_users(lists, 'before')
            ~ '; insert into publication.' ~ name ~ ' from ' ~ adapter.quote(target.database) ~ '.' ~ name ~ ' as now where '
            ~ is_of_users(lists, 'now')}) -%}
    {%- endfor -%}
    {%- do change_tables(tables, statements) -%}
{%- endmacro %}

{# Which models a relation with lists names by now is read of all its rows. #}
{% macro models_of(relation) -%}
    insert into publication_parts
    select
        {{ text_literal(relation['relation']) }}, '{{ relation['kind'] }}', 0, 0,
        coalesce(list(distinct model_name || ' ' || model_version), [])
    from {{ published_name(relation) }}
{%- endmacro %}

{# The last sums of `relations`, SQL literals; with their models, but where models_of has read them anew. #}
{% macro last_sums_of(relations) -%}
    insert into publication_parts
    select
        relation,
        kind,
        row_count,
        row_hashes,
        case when relation not in (select relation from publication_parts where models is not null) then models end
    from last_sums
    where relation in ({{ relations | join(', ') }})
{%- endmacro %}
