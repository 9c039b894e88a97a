{# Part of audits.policy_faults: what is wrong with fairness_thresholds. #}
{% macro fairness_policy_faults() -%}
{%- set rates = ['offer_rate', 'risk_flag_rate', 'true_positive_rate', 'false_positive_rate'] -%}
{%- set means = ['offer_value', 'discount_depth', 'price_to_market', 'price_paid_to_list', 'calibration'] -%}
{{ policy_faults_of('fairness_thresholds', ['measure', 'attribute'], {
    "coalesce(policy.measure, '') not in ('" ~ (rates + means) | join("', '") ~ "')": "the measure is unknown: write " ~ (rates + means) | join(', '),
    "(select count(*) from " ~ ref('fairness_thresholds') ~ " as twin where twin.measure = policy.measure and twin.attribute = policy.attribute) > 1":
        "the measure stands more than once for the attribute",
    "policy.attribute is null": "a row needs an attribute, or * for all others",
    "not coalesce(policy.estimate = case when policy.measure in ('" ~ rates | join("', '") ~ "') then 'rate' else 'mean' end, false)":
        "the estimate is wrong: rate for " ~ rates | join(', ') ~ ", else mean",
    "not coalesce(policy.comparison in ('ratio', 'difference', 'level'), false)": "the comparison is unknown: write ratio, difference or level",
    "policy.comparison = 'ratio' and policy.measure = 'calibration'": "an excess lies around 0 and has no ratio: write difference or level",
    "not coalesce(policy.least < policy.most, policy.least is null and policy.most is null)":
        "least must lie below most; leave both empty where groups differ by policy",
    "policy.comparison = 'ratio' and not (policy.least > 0 and policy.least <= 1 and policy.most >= 1)": "a ratio's bounds lie on both sides of 1, above 0",
    "policy.comparison <> 'ratio' and not (policy.least <= 0 and policy.most >= 0)": "the bounds of a difference or a level lie on both sides of 0",
    "policy.comparison <> 'level' and not coalesce(policy.reference in ('largest', 'best'), false)": "the reference is unknown: write largest or best",
    "policy.comparison = 'level' and policy.reference is not null": "a level needs no reference: leave it empty",
    "not coalesce(policy.min_group_size >= 2, false)": "min_group_size is below 2",
    "not coalesce(policy.confidence > 0 and policy.confidence < 1, false)": "confidence lies outside 0 to 1",
}) }}

{% for measure in rates + means -%}
union all

select
    'fairness_thresholds' as policy_file,
    '{{ measure }}' as policy_row,
    'groups would not be judged by it: the row with the attribute * is missing' as fault
where not exists(
    select 1
    from {{ ref('fairness_thresholds') }} as thresholds
    where
        thresholds.measure = '{{ measure }}'
        and thresholds.attribute = '*'
)
{% endfor -%}
{%- endmacro %}
