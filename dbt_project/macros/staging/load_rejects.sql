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

{# Rows that are gone from a shop table: of erased people, left out by the load, and of events that retention dropped. #}
{% macro rows_dropped(table_name) -%}
    {%- set kept = relation_of_shop('left_out') if execute else none -%}
    {%- if kept is none -%}{{ return('0') }}{%- endif -%}
    {{ return("coalesce((select sum(row_count) from " ~ kept ~ " where table_name = '" ~ table_name ~ "'), 0)") }}
{%- endmacro %}

{# Rows of erased people that still stand in a table which the shop keeps itself. #}
{% macro rows_of_erased(table_name) -%}
    {%- if not execute -%}{%- do ref('user_keys') -%}{%- endif -%}
    {%- for name, relation, user in shop_tables_of_users() if name == table_name -%}
        {{ return(
            '(select count(*) from ' ~ relation ~ ' where ' ~ user ~ ' in (select shop_user_id from ' ~ ref('user_keys')
            ~ ' where is_erased))') }}
    {%- endfor -%}
    {{ return('0') }}
{%- endmacro %}
