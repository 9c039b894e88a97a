-- each rule that a user's signs of abuse fulfil, with the values that did it
{{ config(materialized='table') }}

with signals as (

    select
        signals.*,
        anomalies.anomaly
    from {{ ref('user_risk_signals') }} as signals
    -- no anomaly is kept of who refused personalisation, unless it breaks a rule
    left join {{ ref('risk_anomaly') }} as anomalies
        on signals.as_of_date = anomalies.as_of_date and signals.user_id = anomalies.user_id

),

-- one row a user and signal, for those that are there at all
measured as (

    {% for signal in risk_signals().keys() | list + ['anomaly'] -%}
    select
        as_of_date,
        user_id,
        '{{ signal }}' as signal,
        {{ signal }} as value
    from signals
    where {{ signal }} > 0
    {{ "union all" if not loop.last }}
    {% endfor %}

),

conditions as (

    select
        rule,
        signal,
        at_least,
        count(*) over (partition by rule) as conditions
    from {{ ref('risk_conditions') }}

),

met as (

    select
        measured.as_of_date,
        measured.user_id,
        conditions.rule,
        conditions.signal,
        measured.value,
        conditions.at_least,
        conditions.conditions
    from measured
    inner join conditions on measured.signal = conditions.signal
    where measured.value >= conditions.at_least

),

final as (

    select
        met.as_of_date,
        met.user_id,
        met.rule,
        max(rules.points) as points,
        max(rules.sentence) as sentence,
        {{ collect_ordered("concat_ws('', met.signal, ' ', cast(cast(met.value as decimal(18, 3)) as string), ' (from ', "
            ~ "cast(cast(met.at_least as decimal(18, 3)) as string), ' on)')", 'met.signal') }} as conditions
    from met
    inner join {{ ref('risk_rules') }} as rules on met.rule = rules.rule
    group by met.as_of_date, met.user_id, met.rule
    having count(*) = max(met.conditions)

)

select * from final
