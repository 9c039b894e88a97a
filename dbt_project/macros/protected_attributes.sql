{# Names of the contract's protected attributes (meta.protected in models/staging/shop.yml): no reason may name one. #}
{% macro protected_attributes() -%}
    {%- set names = [] -%}
    {%- if execute -%}
        {%- for table in graph.sources.values() -%}
            {%- for column in table.columns.values() if column.config.meta.get('protected') -%}{%- do names.append(column.name) -%}{%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(names | unique | sort) }}
{%- endmacro %}
