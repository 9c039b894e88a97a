{#
    CTEs up to `numbered`: the rows of `judged` with `is_clean` and `copy_number`, a row's place among those that are as clean and have
    its key; `order` says who comes first. Keys that stand once, nearly all, are passed on as they are: a window over every row would
    keep a large table in memory, or on disk, to find none. `judged` and what it reads are to be `inlined()`, or it would do so as well.
#}
{% macro numbered_copies(keys, order=none) -%}
repeated as (

    select {{ keys | join(', ') }}
    from judged
    group by {{ keys | join(', ') }}
    having count(*) > 1

),

numbered as (

    select
        *,
        {{ array_size('broken_rules') }} = 0 as is_clean,
        1 as copy_number
    from judged
    where not {{ is_repeated(keys) }}

    union all

    select
        *,
        {{ array_size('broken_rules') }} = 0 as is_clean,
        row_number() over (
            partition by {{ keys | join(', ') }}, {{ array_size('broken_rules') }} = 0
            order by {{ order ~ ', ' if order }}{{ row_hash('judged') }}
        ) as copy_number
    from judged
    where {{ is_repeated(keys) }}

)
{%- endmacro %}

{% macro is_repeated(keys) -%}
    {%- set alike = [] -%}
    {%- for key in keys -%}{%- do alike.append('repeated.' ~ key ~ ' is not distinct from judged.' ~ key) -%}{%- endfor -%}
    exists (select 1 from repeated where {{ alike | join(' and ') }})
{%- endmacro %}
