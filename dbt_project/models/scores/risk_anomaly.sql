-- how far out a user's signs of abuse lie, all taken together, by the empirical distribution of each (ECOD; Li et al., 2022)
{{ config(materialized='table') }}

{% set counted = [] %}
{% for signal, is_counted in risk_signals().items() if is_counted %}{% do counted.append(signal) %}{% endfor %}
with signals as (

    select * from {{ ref('user_risk_signals') }}

),

-- ln of the share of users who have as much of a signal or more: 0 for those who have none, below 0 for the others
surprises as (

    select
        {% for signal in counted -%}
        ln(cume_dist() over (partition by as_of_date order by {{ signal }} desc)) as {{ signal }},
        {% endfor -%}
        as_of_date,
        user_id
    from signals

),

summed as (

    select
        as_of_date,
        user_id,
        abs({{ counted | join(' + ') }}) as surprise
    from surprises

),

ranked as (

    select
        as_of_date,
        user_id,
        surprise,
        -- share of users who are less out of the ordinary
        percent_rank() over (partition by as_of_date order by surprise) as anomaly
    from summed

),

-- who refused personalisation counts in the order of the others, and is kept only where the anomaly breaks a rule
final as (

    select
        ranked.as_of_date,
        ranked.user_id,
        cast(ranked.surprise as double) as surprise,
        ranked.anomaly
    from ranked
    inner join {{ ref('user_permissions') }} as permissions
        on ranked.as_of_date = permissions.as_of_date and ranked.user_id = permissions.user_id
    where
        permissions.personalisation_consent
        or ranked.anomaly >= (
            select min(conditions.at_least)
            from {{ ref('risk_conditions') }} as conditions
            where conditions.signal = 'anomaly'
        )

)

select * from final
