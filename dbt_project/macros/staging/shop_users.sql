{# Whether keys are pseudonyms: the var privacy, or env OFFERHOUSE_PRIVACY where a deployment says it. YAML reads off as false. #}
{% macro privacy_is_on() -%}
    {%- set told = env_var('OFFERHOUSE_PRIVACY', '') or (var('privacy') | string) -%}
    {%- if told | lower not in ['on', 'true', 'off', 'false'] -%}
        {{ exceptions.raise_compiler_error('privacy is ' ~ told ~ ': say on, or off for the shop\'s own user ids in every table') }}
    {%- endif -%}
    {{ return(told | lower in ['on', 'true']) }}
{%- endmacro %}

{# The contract's tables that the shop has and that name users: name, relation, and the user as the contract's text, as SQL. #}
{% macro shop_tables_of_users() -%}
    {%- set tables = [] -%}
    {%- if not execute -%}
        {%- for name in shop_tables() -%}{%- do source('shop', name) -%}{%- endfor -%}
        {{ return(tables) }}
    {%- endif -%}
    {%- for table in graph.sources.values() | selectattr('source_name', 'equalto', 'shop') -%}
        {%- set found = shop_relation(table.name) if 'user_id' in table.columns else none -%}
        {%- set wanted = var('shop_columns', {}).get(table.name, {}).get('user_id', 'user_id') | lower -%}
        {%- set column = columns_of_shop(found).get(wanted) -%}
        {%- if column is not none -%}
            {%- set user = cast_to_contract(quoted_name(column.name) | trim, 'string', column.data_type) | trim -%}
            {%- do tables.append([table.name, found, user]) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(tables) }}
{%- endmacro %}

{# What `promo erase` left to know erased people by; an empty relation when nobody was erased. #}
{% macro erasures() -%}
    {%- set kept = none -%}
    {%- if execute -%}
        {%- set kept = adapter.get_relation(
            database=var('shop_database', none) or target.database, schema='private', identifier='erasures') -%}
    {%- endif -%}
    {%- if kept is not none -%}
        {{ kept }}
    {%- else -%}
        (
        select
            cast(null as string) as salt,
            cast(null as string) as tombstone
        where false
    )
    {%- endif -%}
{%- endmacro %}

{# shop_user_id, signed_up_at and the contract's personal columns of the shop's users, typed; no rows where it has no such table. #}
{% macro personal_columns_of_users() -%}
    {%- if not execute -%} select * from {{ source('shop', 'users') }} {%- do return('') -%} {%- endif -%}
    {%- set contract = (graph.sources.values() | selectattr('source_name', 'equalto', 'shop')
        | selectattr('name', 'equalto', 'users') | list)[0] -%}
    {%- set found = shop_relation('users') -%}
    {%- set renamed = var('shop_columns', {}).get('users', {}) -%}
    {%- set present = columns_of_shop(found) -%}
    {%- set typed = [] -%}
    {%- for column in contract.columns.values()
        if column.name in ['user_id', 'signed_up_at'] or column.config.meta.get('personal') -%}
        {%- set name = 'shop_user_id' if column.name == 'user_id' else column.name -%}
        {%- set shop_column = present.get(renamed.get(column.name, column.name) | lower) -%}
        {%- if shop_column is none -%}
            {%- do typed.append('cast(null as ' ~ column.data_type ~ ') as ' ~ name) -%}
        {%- else -%}
            {%- do refuse_type('users', column, shop_column) -%}
            {%- do typed.append(
                (cast_to_contract(quoted_name(shop_column.name) | trim, column.data_type, shop_column.data_type) | trim) ~ ' as ' ~ name) -%}
        {%- endif -%}
    {%- endfor -%}
    select {{ typed | join(', ') }}
    {% if found is not none %}from {{ found }}{% else %}where false{% endif %}
{%- endmacro %}
