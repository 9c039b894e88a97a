{# A column's name as SQL, whatever is in it: adapter.quote leaves a quote inside a name as it is, and SQL would begin there. #}
{% macro quoted_name(name) %}{{ adapter.dispatch('quoted_name')(name) }}{% endmacro %}
{% macro default__quoted_name(name) %}{{ adapter.quote(name | replace('`', '``')) }}{% endmacro %}
{% macro duckdb__quoted_name(name) %}{{ adapter.quote(name | replace('"', '""')) }}{% endmacro %}

{# What a shop brings, as the contract's type; null where the value can't be read. `source_type` is the column's type there. #}
{% macro cast_to_contract(column, data_type, source_type) -%}
    {{ adapter.dispatch('cast_to_contract')(column, data_type | lower, source_type | lower) }}
{%- endmacro %}

{% macro default__cast_to_contract(column, data_type, source_type) -%}
    {%- if data_type == 'string' -%} nullif(cast({{ column }} as string), '')
    {%- else -%} try_cast({{ column }} as {{ data_type }})
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__cast_to_contract(column, data_type, source_type) -%}
    {%- set is_text = source_type in ['varchar', 'string'] -%}
    {%- set is_whole = source_type in ['tinyint', 'smallint', 'integer', 'bigint', 'hugeint', 'utinyint', 'usmallint', 'uinteger',
        'ubigint', 'uhugeint'] -%}
    {%- if data_type == 'string' -%}
        nullif({{ column if is_text else 'cast(' ~ column ~ ' as string)' }}, '')
    {%- elif data_type == 'timestamp' -%}
        {%- if source_type == data_type -%}
            {{ within_calendar(column, data_type) }}
        {%- elif is_text -%}
            {# digits alone are seconds or milliseconds since 1970; an offset is honoured, none means UTC #}
            case
                when regexp_full_match({{ column }}, '[0-9]{9,14}') then {{ epoch_timestamp(column) }}
                else {{ within_calendar('try_cast(try_cast(' ~ column ~ ' as timestamptz) as timestamp)', data_type) }}
            end
        {%- elif is_whole -%}
            {{ within_calendar(epoch_timestamp(column), data_type) }}
        {%- else -%}
            {{ within_calendar('try_cast(' ~ column ~ ' as timestamp)', data_type) }}
        {%- endif -%}
    {%- elif data_type == 'date' -%}
        {# a moment is a day too: its own calendar day #}
        {{ within_calendar(
            column if source_type == data_type
            else 'try_cast(try_cast(' ~ column ~ ' as timestamp) as date)' if is_text
            else 'try_cast(' ~ column ~ ' as date)', data_type) }}
    {%- elif data_type == 'double' -%}
        {# NaN and infinity are no measurements #}
        case when isfinite(try_cast({{ column }} as double)) then try_cast({{ column }} as double) end
    {%- elif data_type == source_type -%}
        {{ column }}
    {%- elif data_type == 'integer' -%}
        {# DuckDB rounds 2.7 to 3; a count that isn't whole can't be read #}
        case
            when try_cast({{ column }} as double) = floor(try_cast({{ column }} as double))
                then try_cast(try_cast({{ column }} as double) as integer)
        end
    {%- else -%}
        try_cast({{ column }} as {{ data_type }})
    {%- endif -%}
{%- endmacro %}

{# Null for a day or moment that calendars don't have: infinity, and what lies outside the years 1 to 9999. #}
{% macro within_calendar(moment, data_type) -%}
    case when {{ moment }} >= {{ data_type }} '0001-01-01' and {{ moment }} < {{ data_type }} '10000-01-01' then {{ moment }} end
{%- endmacro %}

{# A whole number as a moment: from 100,000,000,000 on it counts milliseconds since 1970, below it seconds. #}
{% macro epoch_timestamp(number) -%}
    try(epoch_ms(try_cast({{ number }} as bigint) * case when try_cast({{ number }} as bigint) >= 100000000000 then 1 else 1000 end))
{%- endmacro %}

{# Was a value there that could not be read? #}
{% macro is_unreadable(column, typed, source_type) -%}
    {{ typed }} is null and {{ column }} is not null
    {%- if source_type | lower in ['varchar', 'string'] %} and trim({{ column }}) <> ''{% endif -%}
{%- endmacro %}
