-- Who is likely to stop buying, was worth most, may be contacted, is in no control group, and has no offer?
-- Spend at risk is the chance of no purchase in the next 28 days times the spend of the last 364 days, weighed by recency.
with contactable as (

    select
        segments.user_id,
        segments.life_cycle,
        segments.value_tier,
        segments.recency_days,
        segments.recency_weighted_spend,
        risk.churn_risk,
        risk.churn_risk_56d
    from {{ ref('user_segments') }} as segments
    inner join {{ ref('churn_scores') }} as risk on segments.user_id = risk.user_id
    inner join {{ ref('user_permissions') }} as permissions on segments.user_id = permissions.user_id
    where permissions.marketing_consent and not permissions.is_holdout

),

held as (

    select
        user_id,
        count(*) as open_offers
    from {{ ref('open_offers') }}
    group by user_id

),

final as (

    select
        contactable.user_id,
        contactable.life_cycle,
        contactable.value_tier,
        contactable.recency_days,
        round(contactable.churn_risk, 3) as churn_risk,
        round(contactable.churn_risk_56d, 3) as churn_risk_56d,
        round(contactable.recency_weighted_spend, 2) as recency_weighted_spend,
        round(contactable.churn_risk * contactable.recency_weighted_spend, 2) as spend_at_risk,
        coalesce(held.open_offers, 0) as open_offers
    from contactable
    left join held on contactable.user_id = held.user_id

)

select * from final
where open_offers = 0
order by spend_at_risk desc, user_id
limit 50
