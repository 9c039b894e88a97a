{# Fails on every rule that is broken, and says the first one with an example: audits.compliance has them all. #}
{% test keeps_rules(model) %}
{%- if execute and flags.WHICH in ('build', 'test') -%}
    {%- set found = run_query(
        "select rule, sentence, violations, sample from " ~ ref('compliance') ~ " where violations > 0 order by rule"
    ).rows -%}
    {%- if found -%}
        {%- do exceptions.raise_compiler_error(
            'the rule ' ~ found[0][0] ~ ' is broken ' ~ found[0][2] ~ ' times: ' ~ found[0][1] ~ ' One of them: ' ~ found[0][3]
            ~ (' (and ' ~ (found | length - 1) ~ ' more rules in audits.compliance)' if found | length > 1 else '')
        ) -%}
    {%- endif -%}
{%- endif -%}
select *
from {{ model }}
where violations > 0
{% endtest %}
