{#
    The attributes of people whose groups the fairness audit compares: the columns of the contract's users that are marked
    `protected` (never an input of a price) or `audited` (watched all the same). A column that the contract gains joins by itself.
#}
{% macro audited_attributes() -%}
    {%- set found = [] -%}
    {%- if execute -%}
        {%- set users = (graph.sources.values() | selectattr('source_name', 'equalto', 'shop') | selectattr('name', 'equalto', 'users')
            | list)[0] -%}
        {%- for column in users.columns.values() if column.config.meta.get('protected') or column.config.meta.get('audited') -%}
            {%- do found.append(column.name) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}

{# The age band of who gave a birthday and no band, in the bands of official statistics. One is a year older from the birthday on. #}
{% macro age_band_of(birth_date, day) -%}
    case
        {%- for least, most in [(0, 18), (18, 25), (25, 35), (35, 45), (45, 55), (55, 65)] %}
        when {{ birth_date }} > {{ anniversary(day, day, -most) }}
            then '{{ 'under 18' if least == 0 else least ~ '-' ~ (most - 1) }}'
        {%- endfor %}
        when {{ birth_date }} is not null then '65+'
    end
{%- endmacro %}

{# Is a user among the about 100,000 that the fairness audit looks at? So many tell differences of a hundredth. #}
{% macro in_audit_sample(user_id) -%}
    {{ in_hash_sample(ref('stg_users'), [user_id], 100000) }}
{%- endmacro %}
