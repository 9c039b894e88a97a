{# Lines that `promo load files` could not read as rows; an empty relation for a shop that mapped its own tables. #}
{% macro load_rejects() -%}
    {%- set relation = none -%}
    {%- if execute -%}{%- set relation = relation_of_shop('load_rejects') -%}{%- endif -%}
    {%- if relation is not none -%}
        {{ relation }}
    {%- else -%}
        (
        select
            cast(null as string) as table_name,
            cast(null as string) as file_name,
            cast(null as bigint) as line_number,
            cast(null as string) as reason,
            cast(null as string) as row_text
        where false
    )
    {%- endif -%}
{%- endmacro %}

{# Rows of a shop table as it stands, 0 when the shop has none. #}
{% macro shop_row_count(table_name) -%}
    {%- set relation = shop_relation(table_name) if execute else none -%}
    {{ '(select count(*) from ' ~ relation ~ ')' if relation is not none else '0' }}
{%- endmacro %}
