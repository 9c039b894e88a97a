-- the campaigns that run or begin soon: those of the catalogue, those of the shop and its single coupons, with their windows
{{ config(materialized='table') }}
with dates as (

    select
        as_of_date,
        {{ utc_midnight('as_of_date') }} as as_of_at,
        {{ utc_midnight(add_days('as_of_date', policy_value('campaign_horizon_days'))) }} as horizon_at
    from {{ ref('as_of_dates') }}
    where as_of_date = data_until

),

carried as (

    select
        terms.campaign_id,
        max(terms.campaign_name) as campaign_name,
        min(terms.source) as source,
        cast(count(*) as integer) as promotions,
        {{ collect_ordered('terms.promotion_id', 'terms.promotion_id') }} as promotion_ids,
        min(terms.valid_from) as valid_from,
        max(terms.valid_to) as valid_to
    from {{ ref('promotion_terms') }} as terms
    cross join dates
    where
        not terms.is_over
        and terms.valid_from < dates.horizon_at
    group by terms.campaign_id

),

campaigns as (

    select
        coalesce(campaigns.campaign_id, carried.campaign_id) as campaign_id,
        coalesce(campaigns.campaign_name, carried.campaign_name) as campaign_name,
        coalesce(campaigns.campaign_kind, carried.source) as campaign_kind,
        coalesce(carried.promotions, 0) as promotions,
        {{ join_array('carried.promotion_ids', '|') }} as promotion_ids,
        coalesce(campaigns.starts_at, carried.valid_from) as starts_at,
        coalesce(campaigns.ends_at, carried.valid_to) as ends_at
    from carried
    full outer join {{ ref('stg_campaigns') }} as campaigns on carried.campaign_id = campaigns.campaign_id

),

final as (

    select
        dates.as_of_date,
        campaigns.campaign_id,
        campaigns.campaign_name,
        campaigns.campaign_kind,
        case when campaigns.starts_at <= dates.as_of_at then 'running' else 'planned' end as status,
        campaigns.starts_at,
        campaigns.ends_at,
        cast(campaigns.promotions as integer) as promotions,
        campaigns.promotion_ids
    from campaigns
    cross join dates
    where
        campaigns.starts_at < dates.horizon_at
        and campaigns.ends_at > dates.as_of_at

)

select * from final
