-- the campaigns that matter on an as-of date: those that start on it (training), and on the newest date those open or near
-- The day they are looked back from is their start, or the as-of date where that is earlier: what happens while a campaign
-- runs must not tell who redeems it.
with dates as (

    select
        as_of_date,
        data_until,
        {{ utc_midnight('as_of_date') }} as as_of_at
    from {{ ref('as_of_dates') }}

),

campaigns as (

    select
        campaigns.campaign_id,
        campaigns.campaign_kind,
        campaigns.starts_at,
        campaigns.ends_at,
        days.starts_on,
        days.ends_on
    from {{ ref('stg_campaigns') }} as campaigns
    inner join {{ ref('campaign_days') }} as days on campaigns.campaign_id = days.campaign_id

),

considered as (

    select
        dates.as_of_date,
        campaigns.campaign_id,
        campaigns.campaign_kind,
        campaigns.starts_at,
        campaigns.ends_at,
        campaigns.starts_on,
        campaigns.ends_on,
        least(campaigns.starts_on, dates.as_of_date) as looks_back_from
    from campaigns
    cross join dates
    where
        campaigns.starts_on = dates.as_of_date
        or (
            dates.as_of_date = dates.data_until
            and campaigns.ends_at > dates.as_of_at
            and campaigns.starts_at
            < {{ add_hours('dates.as_of_at', '24 * cast(' ~ policy_value('considered_days') ~ ' as integer)') }}
        )

),

received as (

    select
        sends.campaign_id,
        sends.user_id,
        max(case when redeemed.coupon_id is not null then 1 else 0 end) as has_redeemed
    from {{ ref('stg_campaign_sends') }} as sends
    inner join campaigns on sends.campaign_id = campaigns.campaign_id
    left join {{ ref('stg_coupons') }} as coupons on sends.campaign_id = coupons.campaign_id
    left join {{ ref('stg_coupon_redemptions') }} as redeemed
        on
            sends.user_id = redeemed.user_id
            and coupons.coupon_id = redeemed.coupon_id
            and campaigns.starts_at <= redeemed.redeemed_at
            and campaigns.ends_at > redeemed.redeemed_at
    where sends.treated
    group by sends.campaign_id, sends.user_id

),

results as (

    select
        campaigns.campaign_id,
        campaigns.campaign_kind,
        campaigns.ends_on,
        count(*) as receivers,
        sum(received.has_redeemed) as redeemers
    from received
    inner join campaigns on received.campaign_id = campaigns.campaign_id
    group by campaigns.campaign_id, campaigns.campaign_kind, campaigns.ends_on

),

-- what campaigns that were over by then had brought
experience as (

    select
        considered.as_of_date,
        considered.campaign_id,
        sum(results.redeemers) / nullif(cast(sum(results.receivers) as double), 0) as past_rate,
        sum(case when results.campaign_kind = considered.campaign_kind then results.redeemers end)
        / nullif(cast(sum(
            case when results.campaign_kind = considered.campaign_kind then results.receivers end
        ) as double), 0) as kind_rate
    from considered
    inner join results on considered.looks_back_from >= results.ends_on
    group by considered.as_of_date, considered.campaign_id

),

contents as (

    select
        coupons.campaign_id,
        count(distinct coupons.coupon_id) as coupons,
        count(distinct products.product_id) as products
    from {{ ref('stg_coupons') }} as coupons
    left join {{ ref('stg_coupon_products') }} as products on coupons.coupon_id = products.coupon_id
    group by coupons.campaign_id

),

final as (

    select
        considered.as_of_date,
        considered.campaign_id,
        considered.campaign_kind,
        considered.starts_at,
        considered.ends_at,
        considered.starts_on,
        considered.ends_on,
        considered.looks_back_from,
        cast({{ days_between('considered.starts_on', 'considered.ends_on') }} as integer) as days,
        cast(coalesce(results.receivers, 0) as integer) as receivers,
        cast(coalesce(contents.coupons, 0) as integer) as coupons,
        cast(coalesce(contents.products, 0) as integer) as products,
        cast(experience.past_rate as double) as past_rate,
        cast(experience.kind_rate as double) as kind_rate
    from considered
    left join results on considered.campaign_id = results.campaign_id
    left join contents on considered.campaign_id = contents.campaign_id
    left join experience
        on considered.as_of_date = experience.as_of_date and considered.campaign_id = experience.campaign_id

)

select * from final
