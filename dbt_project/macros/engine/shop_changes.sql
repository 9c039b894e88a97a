{#
    After the view of a shop table is made: note whose rows of the table changed since the last build, by the number and the sum of
    hashes of each user's rows then and now. These stay in private.rows_of_shop_<table>; of a table without users, for all of it. Only a
    build by promo keeps them (macros/engine/changes.sql), which takes one pass over each table.
#}
{% macro note_shop_rows(table_name) -%}
    {%- if not execute or flags.WHICH != 'build' or not env_var('OFFERHOUSE_CODE', '') or not can_publish() -%}{{ return('') }}{%- endif -%}
    {%- set kept = 'private.rows_of_shop_' ~ table_name -%}
    {%- set is_known = builds_changes() and says_the_same() and has_table('private', 'rows_of_shop_' ~ table_name) -%}
    {%- if is_known -%}{%- do run_query('create table changes.before_' ~ model.name ~ ' as from ' ~ kept) -%}{%- endif -%}
    {%- do run_query('create or replace table ' ~ kept ~ ' as ' ~ rows_of_shop(table_name)) -%}
    {%- if is_known -%}
        {%- do run_query('
            create table changes.users_of_' ~ model.name ~ ' as
            select user_keys.user_id, changed.is_closed
            from (' ~ differing_users('from changes.before_' ~ model.name, 'from ' ~ kept, 'shop_user_id') ~ ') as changed
            left join private.user_keys on changed.shop_user_id = user_keys.shop_user_id
            where not coalesce(user_keys.is_erased, false)') -%}
        {%- do note_listed_users() -%}
    {%- endif -%}
    {{ return('') }}
{%- endmacro %}

{% macro rows_of_shop(table_name) -%}
    {%- set found = shop_relation(table_name) -%}
    {%- set user = namespace(sql='cast(null as varchar)') -%}
    {%- for name, _, expression in shop_tables_of_users() if name == table_name -%}{%- set user.sql = expression -%}{%- endfor -%}
    {%- set hashed = [] -%}
    {%- for column in columns_of_shop(found).values() -%}
        {%- do hashed.append(quoted_name(column.name) | trim) -%}
    {%- endfor -%}
    {{ prints_by(user.sql, hashed or ['1'], found or '(select 1 where false) as nothing', name='shop_user_id') }}
{%- endmacro %}
