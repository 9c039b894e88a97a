{#
    Fails on every violated verdict where the var fairness is `enforce`, and says the first one: audits.fairness has them all.
    With `report` they are rows of a warning (see the test's severity).
#}
{% test keeps_fairness(model) %}
{%- if var('fairness') not in ['report', 'enforce'] -%}
    {{ exceptions.raise_compiler_error('the var fairness is ' ~ var('fairness') ~ ': write report or enforce') }}
{%- endif -%}
{%- if execute and flags.WHICH in ('build', 'test') and var('fairness') == 'enforce' -%}
    {%- set found = run_query(
        "select decision, measure, attribute, group_name, users, reference_group, reference_users, cast(round(compared_value, 3) as string), "
        ~ "cast(round(compared_low, 3) as string), cast(round(compared_high, 3) as string), comparison, cast(least as string), cast(most as string) from "
        ~ ref('fairness') ~ " where verdict = 'violated' order by decision, measure, attribute, group_name"
    ).rows -%}
    {%- if found -%}
        {%- set row = found[0] -%}
        {%- do exceptions.raise_compiler_error(
            'fairness is enforced and violated: ' ~ row[0] ~ ', ' ~ row[1] ~ ' of ' ~ row[2] ~ ' ' ~ row[3] ~ ' (' ~ row[4] ~ ' users)'
            ~ (' beside ' ~ row[5] ~ ' (' ~ row[6] ~ ' users)' if row[5] else '') ~ ': ' ~ row[10] ~ ' ' ~ row[7] ~ ', interval ' ~ row[8]
            ~ ' to ' ~ row[9] ~ ', allowed ' ~ row[11] ~ ' to ' ~ row[12]
            ~ (' (and ' ~ (found | length - 1) ~ ' more in audits.fairness)' if found | length > 1 else '')
            ~ '; see promo audit'
        ) -%}
    {%- endif -%}
{%- endif -%}
select *
from {{ model }}
where verdict = 'violated'
{% endtest %}
