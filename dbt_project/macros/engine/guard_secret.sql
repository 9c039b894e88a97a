{#
    Before a command that writes: the secret has to be the one that the database's pseudonyms were made with. private.secret keeps
    its fingerprint, or `off`. A secret that is gone or changed stops the command; where people say that they mean it (the var
    new_secret, or privacy: off), every table that names users gets their new keys, in one transaction, so that what is on record
    stays theirs. So does a database from before there were pseudonyms.
#}
{% macro guard_secret() %}{{ return(adapter.dispatch('guard_secret')()) }}{% endmacro %}
{% macro default__guard_secret() %}{{ return('') }}{% endmacro %}
{% macro duckdb__guard_secret() %}
    {%- if not execute or flags.WHICH not in ['build', 'run', 'seed', 'snapshot', 'test'] -%}{{ return('') }}{%- endif -%}
    {%- do refuse_unfinished_erasure() -%}
    {%- set is_on = privacy_is_on() -%}
    {%- set now = run_query("select secret_fingerprint('') as told").rows[0]['told'] if is_on else 'off' -%}
    {%- set before = recorded_secret() -%}
    {%- if before == now and now is not none -%}{{ return('') }}{%- endif -%}
    {%- if now is none -%}{%- do refuse_without_secret(before) -%}{%- endif -%}
    {%- if before not in [none, 'off', now] and is_on and not var('new_secret') -%}
        {{ exceptions.raise_compiler_error(
            'the secret differs from the one that this database was built with: bring that one back (OFFERHOUSE_SECRET, or the key '
            ~ 'file beside the database), or run promo build --new-secret, which gives every user a new key') }}
    {%- endif -%}
    {%- if flags.WHICH == 'test' -%}{{ return('') }}{%- endif -%}
    {%- do run_query('begin transaction') -%}
    {%- do run_query('create schema if not exists private') -%}
    {%- do give_new_keys(before, is_on) -%}
    {%- do forget_last_build() -%}
    {%- do run_query("create or replace table private.secret as select '" ~ now ~ "' as fingerprint") -%}
    {%- do run_query('commit') -%}
    {{ return('') }}
{% endmacro %}

{# What the database was built with: a fingerprint, off, or none. A training database asks the shop's. #}
{% macro recorded_secret() -%}
    {%- set kept = private_table(var('shop_database', none) or target.database, 'secret') -%}
    {%- if kept is none -%}{{ return(none) }}{%- endif -%}
    {{ return(run_query('select fingerprint from ' ~ kept).rows[0]['fingerprint']) }}
{%- endmacro %}

{# A build on top of it could not tell whom it has to leave out. #}
{% macro refuse_unfinished_erasure() -%}
    {%- set kept = private_table(var('shop_database', none) or target.database, 'erasures') -%}
    {%- if kept is not none and run_query('select count(*) as people from ' ~ kept ~ ' where not is_finished').rows[0]['people'] -%}
        {{ exceptions.raise_compiler_error('an erasure was interrupted: promo erase --resume finishes it') }}
    {%- endif -%}
{%- endmacro %}

{# A table of the schema private, or none; by a plain query, for what dbt asks of another database begins a transaction. #}
{% macro private_table(database, name) -%}
    {%- set found = run_query("
        select 1 as found from duckdb_tables()
        where database_name = '" ~ database ~ "' and schema_name = 'private' and table_name = '" ~ name ~ "'") -%}
    {{ return(adapter.quote(database) ~ '.private.' ~ name if found.rows | length else none) }}
{%- endmacro %}

{% macro refuse_without_secret(before) -%}
    {%- if before in [none, 'off'] -%}
        {{ exceptions.raise_compiler_error(
            'there is no secret to make pseudonyms of user ids with: promo load makes a key file beside the database, or set '
            ~ 'OFFERHOUSE_SECRET to what openssl rand -hex 32 prints, or say privacy: off to keep the shop\'s own ids') }}
    {%- endif -%}
    {{ exceptions.raise_compiler_error(
        'the secret that this database was built with is gone: bring back OFFERHOUSE_SECRET or the key file beside the database; '
        ~ 'without it nobody is found again, and nothing falls back to plain ids unless privacy: off is said') }}
{%- endmacro %}

{# Every table that names users, but for the shop's own and private.people, gets the keys that hold from now on. #}
{% macro give_new_keys(before, is_on) -%}
    {%- set tables = run_query("
        select distinct columns.schema_name, columns.table_name
        from duckdb_columns() as columns
        inner join duckdb_tables() as tables using (database_name, schema_name, table_name)
        where
            columns.database_name = current_database()
            and columns.column_name = 'user_id'
            and columns.schema_name in ('staging', 'features', 'scores', 'promotions', 'exports', 'audits')
        order by columns.schema_name, columns.table_name").rows -%}
    {%- set known = private_table(target.database, 'user_keys') -%}
    {%- set new_key = 'pseudonym(shop_user_id)' if is_on else 'shop_user_id' -%}
    {%- set sources = [] -%}
    {%- if known is not none -%}
        {%- do sources.append('select user_id as old_key, shop_user_id from private.user_keys where not is_erased') -%}
    {%- elif tables and before is none -%}
        {%- for table in tables -%}
            {%- do sources.append(
                'select user_id as old_key, user_id as shop_user_id from ' ~ adapter.quote(table['schema_name']) ~ '.'
                ~ adapter.quote(table['table_name']) ~ ' where user_id is not null') -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if not sources -%}{{ return('') }}{%- endif -%}
    {%- do run_query(
        'create or replace temp table new_keys as select old_key, ' ~ new_key ~ ' as new_key from (' ~ sources | join(' union ')
        ~ ')') -%}
    {%- for table in tables -%}
        {%- do run_query(
            'update ' ~ adapter.quote(table['schema_name']) ~ '.' ~ adapter.quote(table['table_name']) ~ ' as named '
            ~ 'set user_id = new_keys.new_key from new_keys where named.user_id = new_keys.old_key') -%}
    {%- endfor -%}
    {%- if known is not none -%}
        {%- do run_query('update private.user_keys set user_id = ' ~ new_key ~ ' where not is_erased') -%}
    {%- endif -%}
    {%- do run_query('drop table new_keys') -%}
    {{ return('') }}
{%- endmacro %}
