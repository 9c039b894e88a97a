{# Fails on every fault of a policy file, and says the first one: audits.policy_faults has them all. #}
{% test sound_policy(model, file) %}
{%- if execute and flags.WHICH in ('build', 'test') -%}
    {%- set faults = run_query(
        "select policy_row, fault from " ~ ref('policy_faults') ~ " where policy_file = '" ~ file ~ "' order by policy_row, fault"
    ) -%}
    {%- if faults.rows -%}
        {%- set others = faults.rows | length - 1 -%}
        {%- do exceptions.raise_compiler_error(
            file ~ ", row " ~ faults.rows[0][0] ~ ": " ~ faults.rows[0][1]
            ~ (" (and " ~ others ~ " more in audits.policy_faults)" if others else "")
        ) -%}
    {%- endif -%}
{%- endif -%}
select *
from {{ ref('policy_faults') }}
where policy_file = '{{ file }}'
{% endtest %}
