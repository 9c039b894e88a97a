-- the risk of each user: broken rules, anomaly, and whether the user is kept out of offers; plain SQL, no model file
-- Abuse needs no consent to be seen; of who refused personalisation and breaks no rule, nothing is kept.
{{ config(materialized='table') }}

with hits as (

    select
        as_of_date,
        user_id,
        {{ collect_ordered('rule', 'rule') }} as rules,
        {{ exact_sum('points') }} as points,
        max_by(sentence, concat_ws('', cast(cast(points + 1000 as decimal(18, 3)) as string), rule)) as sentence
    from {{ ref('risk_rule_hits') }}
    group by as_of_date, user_id

),

-- the rules are the model: their fingerprint is its version
rules as (

    select
        {{ collect_ordered("concat_ws(' ', rules.rule, cast(rules.points as string), conditions.signal, "
            ~ "cast(conditions.at_least as string))", "concat_ws(' ', rules.rule, conditions.signal)") }} as rules
    from {{ ref('risk_rules') }} as rules
    inner join {{ ref('risk_conditions') }} as conditions on rules.rule = conditions.rule

),

model as (

    select
        'risk_rules' as model_name,
        substr(md5(coalesce({{ join_array('rules', ';') }}, '')), 1, 12) as model_version
    from rules

),

users as (

    select
        signals.as_of_date,
        signals.user_id
    from {{ ref('user_risk_signals') }} as signals
    inner join {{ ref('user_permissions') }} as permissions
        on signals.as_of_date = permissions.as_of_date and signals.user_id = permissions.user_id
    left join hits on signals.as_of_date = hits.as_of_date and signals.user_id = hits.user_id
    left join {{ ref('risk_overrides') }} as overrides on signals.user_id = overrides.user_id
    where
        permissions.personalisation_consent
        or hits.user_id is not null
        or overrides.user_id is not null

),

judged as (

    select
        users.as_of_date,
        users.user_id,
        anomalies.anomaly,
        hits.rules,
        coalesce(hits.points, 0) as points,
        hits.sentence,
        overrides.verdict,
        overrides.why,
        case
            when overrides.verdict = 'clear' then false
            when overrides.verdict = 'flag' then true
            else coalesce(hits.points, 0) >= {{ policy_value('risk_flag_points') }} - 0.000001
        end as is_flagged
    from users
    left join {{ ref('risk_anomaly') }} as anomalies
        on users.as_of_date = anomalies.as_of_date and users.user_id = anomalies.user_id
    left join hits on users.as_of_date = hits.as_of_date and users.user_id = hits.user_id
    left join {{ ref('risk_overrides') }} as overrides on users.user_id = overrides.user_id

),

final as (

    select
        judged.as_of_date,
        judged.user_id,
        coalesce(judged.rules, {{ compact_array([]) }}) as rules,
        judged.points,
        judged.anomaly,
        judged.is_flagged,
        judged.verdict as override_verdict,
        case
            when judged.verdict is not null then concat_ws('', 'Decided by hand: ', judged.why)
            else coalesce(judged.sentence, 'No sign of abuse.')
        end as sentence,
        model.model_name,
        model.model_version,
        {{ utc_now() }} as scored_at
    from judged
    cross join model

)

select * from final
