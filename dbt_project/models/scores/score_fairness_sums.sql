-- how right each score was about each group of people, on the newest day whose outcome is known: what audits.fairness compares
-- Labels of today lie ahead, so a build adds nothing here; `promo audit --scores` runs this model over days that are past.
{{ config(
    materialized='incremental',
    unique_key='decision',
    incremental_strategy='delete+insert',
    on_schema_change='fail',
    full_refresh=false
) }}

{# what decides by each score, where a score alone decides #}
{% set of_intent = "(select max(rules.intent_min) from " ~ ref('segment_rules') ~ " as rules where rules.dimension = 'intent')" %}
{% set of_churn = "(select coalesce(min(catalogue.min_churn_risk), 0.5) from " ~ ref('promotion_catalogue') ~ " as catalogue)" %}
with intent as (

    select
        inputs.as_of_date,
        inputs.user_id,
        'purchase_intent' as score_name,
        purchase_intent_blend(inputs.tokens, inputs.windows) as score,
        case when labels.is_buyer then 1 else 0 end as outcome,
        {{ of_intent }} as threshold
    from {{ ref('purchase_intent_inputs') }} as inputs
    inner join {{ ref('purchase_intent_labels') }} as labels
        on inputs.as_of_date = labels.as_of_date and inputs.user_id = labels.user_id
    where labels.is_past_buyer

),

churn as (

    {% for days in [28, 56] -%}
    select
        features.as_of_date,
        features.user_id,
        'churn_risk{{ "" if days == 28 else "_56d" }}' as score_name,
        churn_risk{{ "" if days == 28 else "_56d" }}(features.features) as score,
        case when labels.is_gone_{{ days }}d then 1 else 0 end as outcome,
        {{ of_churn }} as threshold
    from {{ ref('churn_features') }} as features
    inner join {{ ref('churn_labels') }} as labels
        on features.as_of_date = labels.as_of_date and features.user_id = labels.user_id
    where labels.is_gone_{{ days }}d is not null
    {{ "union all" if not loop.last }}
    {% endfor %}

),

interesting as (

    select
        features.as_of_date,
        features.user_id,
        features.product_id,
        interest(features.features) as score,
        case when labels.is_bought then 1 else 0 end as outcome
    from {{ ref('user_product_features') }} as features
    inner join {{ ref('interest_labels') }} as labels
        on
            features.as_of_date = labels.as_of_date
            and features.user_id = labels.user_id
            and features.product_id = labels.product_id

),

scored as (

    select
        *,
        score >= threshold as is_chosen
    from intent

    union all

    select
        *,
        score >= threshold as is_chosen
    from churn

    union all

    -- interest decides by its order: which products are shown
    select
        as_of_date,
        user_id,
        'interest' as score_name,
        score,
        outcome,
        cast(null as double) as threshold,
        row_number() over (partition by as_of_date, user_id order by score desc, product_id)
        <= {{ policy_value('max_recommendations_per_user') }} as is_chosen
    from interesting

),

-- only the newest day of each score, and nobody who refused to be scored
newest as (

    select
        scored.*,
        dense_rank() over (partition by scored.score_name order by scored.as_of_date desc) as age
    from scored
    inner join {{ ref('user_permissions') }} as permissions
        on scored.as_of_date = permissions.as_of_date and scored.user_id = permissions.user_id
    where
        permissions.personalisation_consent
        and scored.score is not null
        {# so that a build of today, whose labels lie ahead, asks no model #}
        {% if not var('as_of_dates') %}and false{% endif %}

),

counted as (

    select
        as_of_date,
        concat_ws(' ', 'score', score_name) as decision,
        user_id,
        count(*) as scores,
        sum(outcome) as positives,
        sum(case when is_chosen then outcome else 0 end) as true_positives,
        sum(case when is_chosen then 1 - outcome else 0 end) as false_positives,
        {{ exact_sum('score - outcome') }} as excess
    from newest
    where age = 1
    group by as_of_date, score_name, user_id

),

measured as (

    {% for measure, fraction in {
        'true_positive_rate': ('true_positives', 'positives'),
        'false_positive_rate': ('false_positives', 'scores - positives'),
        'calibration': ('excess', 'scores'),
    }.items() -%}
    select
        as_of_date,
        decision,
        '{{ measure }}' as measure,
        user_id,
        cast({{ fraction[0] }} as double) as numerator,
        cast({{ fraction[1] }} as double) as denominator
    from counted
    {{ "union all" if not loop.last }}
    {% endfor %}

),

final as (

    {{ group_sums('measured') }}

)

select * from final
