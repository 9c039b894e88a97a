{#
    What the YAML says of relations and columns, as comments in the publication: any client shows them beside the data. Written here
    rather than by dbt's persist_docs, which comments on the working database, whose comments no copy of its tables carries along.
    Relations and columns that no YAML of the project describes, as a shop's own may be, have none.
#}
{% macro comment_publication() -%}
    {%- set described = {} -%}
    {%- for node in graph.nodes.values() if node.resource_type in ['model', 'seed', 'snapshot'] -%}
        {%- do described.update({node.schema ~ '.' ~ node.alias: node}) -%}
    {%- endfor -%}
    {%- for node in graph.sources.values() -%}
        {%- do described.update({node.schema ~ '.' ~ node.identifier: node}) -%}
    {%- endfor -%}
    {%- set columns = run_query("
        select columns.schema_name, columns.table_name, columns.column_name, views.view_name is not null as is_view
        from duckdb_columns() as columns
        left join duckdb_views() as views
            on
                columns.database_name = views.database_name
                and columns.schema_name = views.schema_name
                and columns.table_name = views.view_name
        where columns.database_name = 'publication'
        order by columns.schema_name, columns.table_name, columns.column_index").rows -%}
    {%- set statements = [] -%}
    {%- set commented = {} -%}
    {%- for column in columns if (column['schema_name'] ~ '.' ~ column['table_name']) in described -%}
        {%- set relation = column['schema_name'] ~ '.' ~ column['table_name'] -%}
        {%- set name = 'publication.' ~ adapter.quote(column['schema_name']) ~ '.' ~ adapter.quote(column['table_name']) -%}
        {%- if relation not in commented -%}
            {%- do commented.update({relation: true}) -%}
            {%- do statements.append(comment_statement('view' if column['is_view'] else 'table', name, described[relation])) -%}
        {%- endif -%}
        {%- for entry in described[relation].columns.values() if entry.name | lower == column['column_name'] | lower -%}
            {%- do statements.append(comment_statement('column', name ~ '.' ~ adapter.quote(column['column_name']), entry)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do run_query((['begin'] + statements + ['commit']) | join(';\n')) -%}
{%- endmacro %}

{% macro comment_statement(kind, name, entry) -%}
    {{ return('comment on ' ~ kind ~ ' ' ~ name ~ ' is ' ~ (text_literal(entry.description | trim) if entry.description else 'null')) }}
{%- endmacro %}
