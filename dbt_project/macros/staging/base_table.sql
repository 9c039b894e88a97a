{#
    A shop table as the contract words it: every contract column that is not personal, typed, and user_id as the warehouse's own
    key of the user; a missing optional column is a typed null, a missing optional table an empty relation. Rows of erased users
    are left out. Beside them: `type_errors` (BAD_TYPE:<column> for each value that can't be
    read), `x_columns` (the shop's own x_ columns as JSON) and `source_row` (the row as it came but for
    the personal columns and with that key, as JSON, where a value can't be read).
#}
{% macro base_table(table_name) %}
    {{- config(post_hook="{{ note_shop_rows('" ~ table_name ~ "') }}") -}}
    {%- set relation = source('shop', table_name) -%}
    {%- if not execute -%} select * from {{ relation }} {%- do ref('user_keys') -%} {%- do return('') -%} {%- endif -%}

    {%- set contract = (graph.sources.values() | selectattr('source_name', 'equalto', 'shop')
        | selectattr('name', 'equalto', table_name) | list)[0] -%}
    {%- set found = shop_relation(table_name) -%}
    {%- set renamed = var('shop_columns', {}).get(table_name, {}) -%}
    {%- set present = dict(columns_of_shop(found)) -%}
    {%- do refuse_missing(table_name, contract, found, renamed, present) -%}

    {%- for column in contract.columns.values() if column.config.meta.get('personal') -%}
        {%- do present.pop(renamed.get(column.name, column.name) | lower, none) -%}
    {%- endfor -%}
    {%- set user_column = present.pop(renamed.get('user_id', 'user_id') | lower, none) if 'user_id' in contract.columns else none -%}
    {%- set others = present.values() | rejectattr('name', 'equalto', 'user_id') | map(attribute='name') | list -%}
    {%- if user_column is not none -%}
        {%- do refuse_type(table_name, contract.columns['user_id'], user_column) -%}
        {%- do present.update({'user_id': {'name': 'user_id', 'data_type': 'string'}}) -%}
    {%- endif -%}

    {%- set typed = [] -%}
    {%- set unreadable = {} -%}
    {%- for column in contract.columns.values() if not column.config.meta.get('personal') -%}
        {%- set shop_column = present.get(renamed.get(column.name, column.name) | lower) -%}
        {%- if column.name == 'user_id' and user_column is not none -%}
            {%- do typed.append('user_id') -%}
        {%- elif shop_column is none -%}
            {%- do typed.append('cast(null as ' ~ column.data_type ~ ') as ' ~ column.name) -%}
        {%- else -%}
            {%- set quoted = quoted_name(shop_column.name) | trim -%}
            {%- do refuse_type(table_name, column, shop_column) -%}
            {%- set expression = cast_to_contract(quoted, column.data_type, shop_column.data_type) | trim -%}
            {%- do typed.append(expression ~ ' as ' ~ column.name) -%}
            {%- if expression != quoted and column.data_type | lower != 'string' -%}
                {%- do unreadable.update({column.name: is_unreadable(quoted, '(' ~ expression ~ ')', shop_column.data_type)}) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set extra = [] -%}
    {%- for name in present -%}{%- if name.startswith('x_') -%}{%- do extra.append(present[name].name) -%}{%- endif -%}{%- endfor %}

select
    {{ typed | join(',\n    ') }},
    {# a list is made for the rows that need one #}
    {%- set codes = [] -%}
    {%- for name, condition in unreadable.items() -%}
        {%- do codes.append("case when " ~ condition ~ " then 'BAD_TYPE:" ~ name ~ "' end") -%}
    {%- endfor -%}
    {%- set any_unreadable = '(' ~ unreadable.values() | join(') or (') ~ ')' -%}
    {%- if unreadable %}
    case when {{ any_unreadable }} then {{ compact_array(codes) }} else {{ compact_array([]) }} end as type_errors,
    {%- else %}
    {{ compact_array([]) }} as type_errors,
    {%- endif %}
    {{ json_object(extra) if extra else 'cast(null as string)' }} as x_columns,
    {%- if unreadable %}
    case
        when {{ any_unreadable }}
            then {{ json_object(present.values() | map(attribute='name') | list) }}
    end as source_row
    {%- else %}
    cast(null as string) as source_row
    {%- endif %}
{%- if found is none %}
where false
{%- elif user_column is none %}
from {{ found }}
{%- else %}
from (
    {{ with_keys_of_users(found, user_column, others) }}
) as keyed
{%- endif %}
{% endmacro %}

{# The rows of a shop table with the warehouse's key, user_id, in the place of the shop's user; erased users are left out. #}
{% macro with_keys_of_users(relation, user_column, others) -%}
    select
        shop_rows.*,
        user_keys.user_id
    from (
        select
            {% for name in others -%}
            {{ quoted_name(name) | trim }},
            {% endfor -%}
            {{ cast_to_contract(quoted_name(user_column.name) | trim, 'string', user_column.data_type) | trim }} as shop_user_of_row
        from {{ relation }}
    ) as shop_rows
    left join {{ ref('user_keys') }} as user_keys on shop_rows.shop_user_of_row = user_keys.shop_user_id
    where not coalesce(user_keys.is_erased, false)
{%- endmacro %}

{# The relation behind a shop table, or none when the shop has no such table. #}
{% macro shop_relation(table_name) -%}
    {%- set relation = source('shop', table_name) -%}
    {{ return(relation_of_shop(relation.identifier)) }}
{%- endmacro %}

{# A relation of the shop's schema, or none. dbt puts names into SQL as they are, so none may hold what ends a name or a text. #}
{% macro relation_of_shop(identifier) -%}
    {%- set database = var('shop_database', none) or target.database -%}
    {%- for variable, name in {'shop_database': database, 'shop_schema': var('shop_schema'), 'shop_identifiers': identifier}.items() -%}
        {%- if not modules.re.match('^[^\\x00-\\x1f\\x22\\x27\\x3b\\x60]+\\Z', name | string) -%}
            {{ exceptions.raise_compiler_error('the var ' ~ variable ~ ' names ' ~ name ~ ': give a name without quotes, semicolons '
                ~ 'and control characters') }}
        {%- endif -%}
    {%- endfor -%}
    {{ return(adapter.get_relation(database=database, schema=var('shop_schema'), identifier=identifier)) }}
{%- endmacro %}

{#
    The columns of a relation of the shop, name and data_type, by their names in lower case; none of what the shop lacks. Asked once:
    each question costs dbt a context of all its macros. The type is the engine's own: dbt's data_type says character varying(256) of
    any text.
#}
{% macro columns_of_shop(relation) -%}
    {%- if relation is none -%}{{ return({}) }}{%- endif -%}
    {%- set known = graph.setdefault('offerhouse_columns', {}) -%}
    {%- set name = relation | string -%}
    {%- if name not in known -%}
        {%- set columns = {} -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}
            {%- do columns.update({column.name | lower: {'name': column.name, 'data_type': column.dtype}}) -%}
        {%- endfor -%}
        {%- do known.update({name: columns}) -%}
    {%- endif -%}
    {{ return(known[name]) }}
{%- endmacro %}

{# Order lines and products may stand in the event log alone; every other missing table is simply empty. #}
{% macro refuse_missing(table_name, contract, found, renamed, present) -%}
    {%- set place = var('shop_schema') ~ '.' ~ table_name -%}
    {%- if found is none -%}
        {%- if contract.config.meta.get('required') and shop_relation('events') is none -%}
            {{ exceptions.raise_compiler_error(
                place ~ ' is missing and there is no ' ~ var('shop_schema') ~ '.events to stand in for it: run `promo load`, '
                ~ 'or map your own table with the vars shop_schema and shop_identifiers') }}
        {%- endif -%}
    {%- else -%}
        {%- for column in contract.columns.values() if column.config.meta.get('required') -%}
            {%- if (renamed.get(column.name, column.name) | lower) not in present -%}
                {{ exceptions.raise_compiler_error(
                    place ~ ' has no column ' ~ renamed.get(column.name, column.name) ~ ': add it, or name the column that holds it '
                    ~ 'in the var shop_columns, e.g. {' ~ table_name ~ ': {' ~ column.name ~ ': its_name}}') }}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{# A nested or binary column can't become a plain value: stop, in words. #}
{% macro refuse_type(table_name, column, shop_column) -%}
    {%- set shop_type = shop_column.data_type | lower -%}
    {%- if shop_type.endswith(']') or shop_type.split('(')[0] in ['struct', 'map', 'union', 'blob', 'bit'] -%}
        {{ exceptions.raise_compiler_error(
            var('shop_schema') ~ '.' ~ table_name ~ '.' ~ shop_column.name ~ ' is ' ~ shop_column.data_type ~ ', which can\'t be cast to '
            ~ column.data_type ~ ': bring a plain column of that type') }}
    {%- endif -%}
{%- endmacro %}
