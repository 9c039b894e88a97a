-- did a receiver of a campaign redeem each of its coupons; only campaigns that are over, and whose receivers are on record
-- Which of a campaign's coupons a receiver was handed may be unknown: then every coupon of the campaign counts as received.
with labels as (

    select
        labels.as_of_date,
        labels.campaign_id,
        labels.user_id,
        campaigns.starts_at,
        campaigns.ends_at
    from {{ ref('campaign_redemption_labels') }} as labels
    inner join {{ ref('campaign_windows') }} as campaigns
        on labels.as_of_date = campaigns.as_of_date and labels.campaign_id = campaigns.campaign_id

),

final as (

    select
        labels.as_of_date,
        labels.campaign_id,
        coupons.coupon_id,
        labels.user_id,
        count(redeemed.user_id) > 0 as is_redeemed
    from labels
    inner join {{ ref('stg_coupons') }} as coupons on labels.campaign_id = coupons.campaign_id
    left join {{ ref('stg_coupon_redemptions') }} as redeemed
        on
            coupons.coupon_id = redeemed.coupon_id
            and labels.user_id = redeemed.user_id
            and labels.starts_at <= redeemed.redeemed_at
            and labels.ends_at > redeemed.redeemed_at
    group by labels.as_of_date, labels.campaign_id, coupons.coupon_id, labels.user_id

)

select * from final
