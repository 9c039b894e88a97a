{#
    Rows of audits.policy_faults for one policy file: a row for each row of the seed and each rule it breaks. `key` names the row;
    `rules` maps the condition that must not hold to what is wrong, in words.
#}
{% macro policy_faults_of(file, key, rules) -%}
    {%- for condition, sentence in rules.items() %}
    select
        '{{ file }}' as policy_file,
        cast(policy.{{ key }} as string) as policy_row,
        '{{ sentence | replace("'", "''") }}' as fault
    from {{ ref(file) }} as policy
    where {{ condition }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# Does a |-separated list name something that a relation of names lacks? #}
{% macro names_unknown(list, known) -%}
    (
        length({{ list }}) - length(replace({{ list }}, '|', '')) + 1
        > (select count(distinct known.name) from ({{ known }}) as known where {{ admits(list, 'known.name') }})
    )
{%- endmacro %}
