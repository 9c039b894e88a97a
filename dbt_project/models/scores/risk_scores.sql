-- the risk of each user: broken rules, anomaly, and whether the user is kept out of offers; plain SQL, no model file
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

judged as (

    select
        anomalies.as_of_date,
        anomalies.user_id,
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
    from {{ ref('risk_anomaly') }} as anomalies
    left join hits on anomalies.as_of_date = hits.as_of_date and anomalies.user_id = hits.user_id
    left join {{ ref('risk_overrides') }} as overrides on anomalies.user_id = overrides.user_id

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
