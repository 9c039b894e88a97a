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
    {%- set is_whole = source_type in ['bigint', 'integer', 'ubigint', 'uinteger', 'hugeint'] -%}
    {%- if data_type == 'string' -%}
        nullif({{ column if is_text else 'cast(' ~ column ~ ' as string)' }}, '')
    {%- elif data_type == source_type -%}
        {{ column }}
    {%- elif data_type == 'timestamp' and is_text -%}
        {# digits alone are seconds or milliseconds since 1970; an offset is honoured, none means UTC #}
        case
            when regexp_full_match({{ column }}, '[0-9]{9,14}') then {{ epoch_timestamp('try_cast(' ~ column ~ ' as bigint)') }}
            else try_cast(try_cast({{ column }} as timestamptz) as timestamp)
        end
    {%- elif data_type == 'timestamp' and is_whole -%}
        {{ epoch_timestamp(column) }}
    {%- elif data_type == 'date' and is_text -%}
        {# a moment is a day too: its own calendar day #}
        try_cast(try_cast({{ column }} as timestamp) as date)
    {%- elif data_type == 'integer' -%}
        {# DuckDB rounds 2.7 to 3; a count that isn't whole can't be read #}
        case
            when try_cast({{ column }} as double) = floor(try_cast({{ column }} as double))
                then try_cast(try_cast({{ column }} as double) as integer)
        end
    {%- elif data_type == 'double' -%}
        {# NaN and infinity are no measurements #}
        case when isfinite(try_cast({{ column }} as double)) then try_cast({{ column }} as double) end
    {%- else -%}
        try_cast({{ column }} as {{ data_type }})
    {%- endif -%}
{%- endmacro %}

{% macro epoch_timestamp(whole_number) -%}
    case
        when {{ whole_number }} >= 100000000000 then epoch_ms({{ whole_number }})
        else epoch_ms({{ whole_number }} * 1000)
    end
{%- endmacro %}

{# Was a value there that could not be read? #}
{% macro is_unreadable(column, typed, source_type) -%}
    {{ typed }} is null and {{ column }} is not null
    {%- if source_type | lower in ['varchar', 'string'] %} and trim({{ column }}) <> ''{% endif -%}
{%- endmacro %}
