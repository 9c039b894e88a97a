-- what each campaign that runs or begins soon would do by itself; null where fewer than min_audience_size people are meant
select
    campaign_id,
    campaign_name,
    status,
    starts_at,
    ends_at,
    audience_size,
    offers_today,
    expected_redemptions,
    expected_cost,
    expected_margin,
    expected_incremental_margin,
    budget,
    budget_left
from promotions.campaigns_planned
order by status desc, expected_incremental_margin desc nulls last, campaign_id
