{# Part of audits.policy_faults: what is wrong with segment_rules, and with the weights and numbers of recommendations. #}
{% macro segment_policy_faults() -%}
{%- set dimensions = ['life_cycle', 'value_tier', 'intent'] -%}
{%- set twin = "select 1 from " ~ ref('segment_rules') ~ " as twin where twin.dimension = policy.dimension and twin.segment <> policy.segment" -%}
{{ policy_faults_of('segment_rules', ['dimension', 'segment'], {
    "coalesce(policy.dimension, '') not in ('" ~ dimensions | join("', '") ~ "')": "the dimension is unknown: write " ~ dimensions | join(' or '),
    "policy.segment is null or policy.priority is null": "a rule needs a segment and a priority",
    "policy.recency_min > policy.recency_max": "nobody can be in it: recency_min is above recency_max",
    "not coalesce(policy.value_percentile_min between 0 and 1, true)": "value_percentile_min lies outside 0 to 1",
    "not coalesce(policy.intent_min between 0 and 1, true)": "intent_min lies outside 0 to 1",
    "exists(" ~ twin ~ " and twin.priority = policy.priority)": "another segment of the dimension has the same priority: give each its own",
    "(select count(*) from " ~ ref('segment_rules') ~ " as twin where twin.dimension = policy.dimension and twin.segment = policy.segment) > 1":
        "the segment stands more than once in its dimension",
}) }}
{% for dimension in dimensions -%}
union all

select
    'segment_rules' as policy_file,
    '{{ dimension }}' as policy_row,
    'some users would be in none of its segments: give the dimension a row without bounds' as fault
where not exists(
    select 1
    from {{ ref('segment_rules') }} as rules
    where
        rules.dimension = '{{ dimension }}'
        and rules.segment is not null
        and rules.priority is not null
        and coalesce(
            rules.recency_min, rules.recency_max, rules.first_purchase_max, rules.value_percentile_min, rules.intent_min
        ) is null
)
{% endfor -%}
union all
{{ policy_faults_of('recommendation_weights', ['dimension', 'segment'], {
    "not exists(select 1 from " ~ ref('segment_rules') ~ " as known where known.dimension = policy.dimension and known.segment = policy.segment)"
        ~ " and coalesce(policy.dimension, '') <> 'cluster'": "seeds/segment_rules.csv has no such segment in that dimension",
    "coalesce(least(policy.margin_weight, policy.related_weight, policy.diversity_weight), -1) < 0": "a weight is negative, or all are empty",
}) }}
union all
{{ policy_faults_of('policy_values', 'name', {
    "policy.name = 'new_product_every' and (policy.value < 2 or policy.value <> floor(policy.value))":
        "new products can take one of two places at most: write a whole number from 2",
    "policy.name = 'max_recommendations_per_category' and (policy.value < 1 or policy.value <> floor(policy.value))":
        "write a whole number from 1",
    "policy.name in ('rebuy_share', 'due_share') and policy.value > 1": "a share lies between 0 and 1",
    "policy.name = 'segment_history_days' and policy.value < 1": "yesterday must stay on record: write 1 or more",
}) }}
{%- endmacro %}
