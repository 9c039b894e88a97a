-- the redemptions that count against budgets and limits: a full refund of the order gives its use back
{{ config(materialized='table') }}
with taken_back as (

    {{ returned_quantities() }}

),

refunded as (

    select lines.order_id
    from {{ ref('stg_order_lines') }} as lines
    left join taken_back on lines.order_id = taken_back.order_id and lines.line_number = taken_back.line_number
    where lines.order_id in (select returns.order_id from {{ ref('stg_returns') }} as returns)
    group by lines.order_id
    having bool_and(coalesce(taken_back.quantity, 0) >= lines.quantity)

),

-- what the offer that was used had set aside: the latest that was open then
offered as (

    select
        redemptions.redemption_id,
        max_by(offers.reserved_budget, offers.as_of_date) as reserved_budget
    from {{ ref('stg_coupon_redemptions') }} as redemptions
    inner join {{ earlier_offers() }} as offers
        on
            redemptions.user_id = offers.user_id
            and redemptions.coupon_id = offers.promotion_id
            and redemptions.redeemed_at >= {{ utc_midnight('offers.as_of_date') }}
            and redemptions.redeemed_at < offers.valid_to
    group by redemptions.redemption_id

),

final as (

    select
        redemptions.redemption_id,
        redemptions.coupon_id as promotion_id,
        redemptions.user_id,
        redemptions.redeemed_at,
        redemptions.redeemed_on,
        redemptions.discount,
        offered.reserved_budget
    from {{ ref('stg_coupon_redemptions') }} as redemptions
    left join refunded on redemptions.order_id = refunded.order_id
    left join offered on redemptions.redemption_id = offered.redemption_id
    where refunded.order_id is null

)

select * from final
