-- What will each campaign reach, cost and bring? Figures for fewer people than min_audience_size are empty.
with campaigns as (

    select
        campaign_id,
        campaign_name,
        status,
        cast(starts_at as date) as starts_on,
        cast(ends_at as date) as ends_on,
        audience_size,
        expected_offers,
        expected_redemptions,
        expected_cost,
        expected_margin,
        expected_incremental_margin,
        round(measured_share, 4) as measured_share,
        budget_left,
        refusal_1 as commonest_refusal
    from {{ ref('campaigns_planned') }}

),

final as (

    select
        *,
        round(expected_margin / nullif(expected_cost, 0), 2) as margin_for_each_unit_of_cost,
        round(expected_cost / nullif(budget_left, 0), 4) as share_of_budget_left
    from campaigns

)

select * from final
order by expected_margin desc nulls last, campaign_id
