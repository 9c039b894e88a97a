-- did a receiver redeem any coupon of a campaign; only campaigns that are over, and whose receivers are on record
with receivers as (

    select
        receivers.as_of_date,
        receivers.campaign_id,
        receivers.user_id,
        campaigns.starts_at,
        campaigns.ends_at
    from {{ ref('campaign_receivers') }} as receivers
    inner join {{ ref('campaign_windows') }} as campaigns
        on receivers.as_of_date = campaigns.as_of_date and receivers.campaign_id = campaigns.campaign_id
    inner join {{ ref('as_of_dates') }} as dates on receivers.as_of_date = dates.as_of_date
    where receivers.is_recorded and campaigns.starts_on = receivers.as_of_date and campaigns.ends_on <= dates.data_until

),

redeemed as (

    select
        coupons.campaign_id,
        redeemed.user_id,
        redeemed.redeemed_at
    from {{ ref('stg_coupon_redemptions') }} as redeemed
    inner join {{ ref('stg_coupons') }} as coupons on redeemed.coupon_id = coupons.coupon_id

),

final as (

    select
        receivers.as_of_date,
        receivers.campaign_id,
        receivers.user_id,
        count(redeemed.user_id) > 0 as is_redeemed
    from receivers
    left join redeemed
        on
            receivers.campaign_id = redeemed.campaign_id
            and receivers.user_id = redeemed.user_id
            and receivers.starts_at <= redeemed.redeemed_at
            and receivers.ends_at > redeemed.redeemed_at
    group by receivers.as_of_date, receivers.campaign_id, receivers.user_id

)

select * from final
