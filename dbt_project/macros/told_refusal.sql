{# A phrase of refusal_phrases with its placeholders filled from a row of promotions.refusals. #}
{% macro told_refusal(phrase) -%}
    {%- set amounts = {'now': 'standing', 'needed': 'has_to_be', 'lacks': 'lacks'} -%}
    {%- set told = namespace(sql=phrase) -%}
    {%- for name, column in amounts.items() -%}
        {%- set amount -%}
            case refusals.unit
                when 'money' then {{ told_money('refusals.' ~ column) }}
                when 'share' then {{ told_number('100 * refusals.' ~ column) }}
                else {{ told_number('refusals.' ~ column) }}
            end
        {%- endset -%}
        {%- set told.sql = "replace(" ~ told.sql ~ ", '{" ~ name ~ "}', coalesce(" ~ amount ~ ", '?'))" -%}
    {%- endfor -%}
    {%- for name, column in {'date': 'cast(refusals.changes_on as string)', 'now_words': 'refusals.now_words', 'needed_words': 'refusals.needed_words'}.items() -%}
        {%- set told.sql = "replace(" ~ told.sql ~ ", '{" ~ name ~ "}', coalesce(" ~ column ~ ", '?'))" -%}
    {%- endfor -%}
    {{- told.sql -}}
{%- endmacro %}

{# A phrase of reason_phrases with its placeholders filled from `value`, a feature's value. #}
{% macro told_reason(phrase, value) -%}
    replace(replace(replace(replace(replace(
        {{ phrase }},
        '{value}', coalesce({{ told_number(value) }}, '?')),
        '{days}', coalesce({{ told_number(value) }} || case when {{ value }} = 1 then ' day' else ' days' end, '?')),
        '{percent}', coalesce({{ told_number('100 * ' ~ value) }}, '?')),
        '{times}', coalesce({{ told_number(value) }}, '?')),
        '{money}', coalesce({{ told_money(value) }}, '?'))
{%- endmacro %}

{# The branches of a case over languages: the change in that language, in the first one where it has none. #}
{% macro refusal_languages() -%}
    {%- for language in var('reason_languages') %} when '{{ language }}' then coalesce(changes.{{ language }}, changes.{{ var('reason_languages')[0] }}){% endfor -%}
{%- endmacro %}
