-- the figures of the opening sentences; null where they speak of fewer people than min_audience_size
with policy as (
    select value as min_people from policies.policy_values
    where name = 'min_audience_size'
),

today as (
    select
        count(*) as offers,
        count(distinct user_id) as people,
        sum(reserved_budget) as reserved,
        sum(redemption_score) as expected_uses,
        sum(expected_margin) as expected_margin
    from promotions.offers
    where as_of_date = (select max(as_of_date) from promotions.user_segments)
),

campaigns as (
    select
        count(*) as campaigns,
        count(*) filter (where status = 'running') as campaigns_running,
        count(*) filter (where expected_incremental_margin > 0) as campaigns_paying,
        count(*) filter (where expected_incremental_margin < 0) as campaigns_not_paying,
        arg_max(campaign_name, expected_incremental_margin) filter (where expected_incremental_margin > 0) as best_campaign,
        max(expected_incremental_margin) as best_incremental_margin,
        arg_min(campaign_name, expected_incremental_margin) filter (where expected_incremental_margin < 0) as worst_campaign,
        min(expected_incremental_margin) as worst_incremental_margin
    from promotions.campaigns_planned
),

prices as (
    select
        count(*) as prices,
        count(*) filter (where is_personalised) as personalised,
        count(*) filter (where binding_guardrail is not null) as guarded,
        mode(binding_guardrail) as commonest_guardrail,
        count(distinct user_id) as people
    from promotions.dynamic_prices
),

fairness as (
    select
        count(*) filter (where verdict in ('violated', 'suspected', 'fair')) as judged,
        count(*) filter (where verdict = 'violated') as violated,
        count(*) filter (where verdict = 'suspected') as suspected
    from audits.fairness
),

compliance as (
    select
        count(*) as rules,
        count(*) filter (where violations > 0) as rules_broken
    from audits.compliance
),

everybody as (
    select count(*) as people from promotions.user_segments
),

loaded as (
    select
        sum(rows_in) as rows_in,
        sum(rows_rejected) as rows_rejected
    from audits.row_accounting
),

drift as (
    select
        count(*) as inputs,
        count(*) filter (where is_drifting) as drifting
    from audits.score_drift
)

select
    case when everybody.people >= policy.min_people then everybody.people end as known_people,
    case when today.people >= policy.min_people then today.people end as people,
    case when today.people >= policy.min_people then today.people / everybody.people end as share_of_people,
    case when today.people >= policy.min_people then today.offers end as offers,
    case when today.people >= policy.min_people then today.reserved end as reserved,
    case when today.people >= policy.min_people then today.expected_uses end as expected_uses,
    case when today.people >= policy.min_people then today.expected_margin end as expected_margin,
    today.offers > 0 as has_offers,
    campaigns.*,
    case when prices.people >= policy.min_people then prices.prices end as prices,
    case when prices.people >= policy.min_people then prices.personalised / nullif(prices.prices, 0) end as personalised_share,
    case when prices.people >= policy.min_people then prices.guarded / nullif(prices.prices, 0) end as guarded_share,
    case when prices.people >= policy.min_people then prices.commonest_guardrail end as commonest_guardrail,
    fairness.*,
    compliance.*,
    loaded.*,
    drift.inputs,
    drift.drifting
from policy, today, campaigns, prices, fairness, compliance, everybody, loaded, drift
