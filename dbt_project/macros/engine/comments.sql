{#
    What the YAML says of relations and columns, as comments in the publication: any client shows them beside the data. Written here
    rather than by dbt's persist_docs, which comments on the working database, whose comments no copy of its tables carries along.
    What no YAML of the project describes, as a table of the shop's own may be, has none; what was copied with its comment keeps it.
#}
{% macro comment_publication() -%}
    {%- set described = {} -%}
    {%- for node in graph.nodes.values() if node.resource_type in ['model', 'seed', 'snapshot'] -%}
        {%- do described.update({node.schema ~ '.' ~ node.alias: node}) -%}
    {%- endfor -%}
    {%- for node in graph.sources.values() -%}
        {%- do described.update({node.schema ~ '.' ~ node.identifier: node}) -%}
    {%- endfor -%}
    {%- set relations = run_query("
        select schema_name, table_name as name, 'table' as kind, null as column_name
        from duckdb_tables()
        where database_name = 'publication' and comment is null
        union all
        select schema_name, view_name as name, 'view' as kind, null as column_name
        from duckdb_views()
        where database_name = 'publication' and not internal and comment is null
        union all
        select schema_name, table_name as name, 'column' as kind, column_name
        from duckdb_columns()
        where database_name = 'publication' and not internal and comment is null").rows -%}
    {%- set statements = [] -%}
    {%- for relation in relations -%}
        {%- set entry = described.get(relation['schema_name'] ~ '.' ~ relation['name'], {}) -%}
        {%- set name = 'publication.' ~ adapter.quote(relation['schema_name']) ~ '.' ~ adapter.quote(relation['name']) -%}
        {%- if relation['kind'] == 'column' -%}
            {%- set entry = entry.get('columns', {}).get(relation['column_name'], {}) -%}
            {%- set name = name ~ '.' ~ adapter.quote(relation['column_name']) -%}
        {%- endif -%}
        {%- if entry.get('description') -%}
            {%- do statements.append(
                'comment on ' ~ relation['kind'] ~ ' ' ~ name ~ ' is ' ~ text_literal(entry['description'] | trim)) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do run_query((['begin'] + statements + ['commit']) | join(';\n')) -%}
{%- endmacro %}
