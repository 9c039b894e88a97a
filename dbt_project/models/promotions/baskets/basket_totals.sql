-- what an open basket pays in all under the offers of its user, and how many of them made it so
{{ config(materialized='table') }}
with promotions as (

    select
        basket_id,
        sum(case when is_applied then 1 else 0 end) as promotions_applied,
        sum(case when not is_applied then 1 else 0 end) as promotions_refused
    from {{ ref('basket_promotions') }}
    group by basket_id

),

quotes as (

    select
        basket_id,
        max(user_id) as user_id,
        count(*) as lines,
        sum(case when unit_price is null then 1 else 0 end) as unpriced_lines,
        coalesce(sum(amount), 0) as amount,
        coalesce(sum(item_discount), 0) as item_discount,
        coalesce(sum(threshold_discount), 0) as threshold_discount,
        coalesce(sum(coupon_discount), 0) as coupon_discount,
        coalesce(sum(discount), 0) as discount,
        coalesce(sum(paid), 0) as paid,
        coalesce(sum(price_floor), 0) as price_floor
    from {{ ref('basket_quote') }}
    group by basket_id

),

final as (

    select
        quotes.basket_id,
        quotes.user_id,
        cast(quotes.lines as integer) as lines,
        cast(quotes.unpriced_lines as integer) as unpriced_lines,
        cast(quotes.amount as decimal(18, 2)) as amount,
        cast(quotes.item_discount as decimal(18, 2)) as item_discount,
        cast(quotes.threshold_discount as decimal(18, 2)) as threshold_discount,
        cast(quotes.coupon_discount as decimal(18, 2)) as coupon_discount,
        cast(quotes.discount as decimal(18, 2)) as discount,
        cast(quotes.paid as decimal(18, 2)) as paid,
        cast(quotes.price_floor as decimal(18, 2)) as price_floor,
        cast(coalesce(promotions.promotions_applied, 0) as integer) as promotions_applied,
        cast(coalesce(promotions.promotions_refused, 0) as integer) as promotions_refused
    from quotes
    left join promotions on quotes.basket_id = promotions.basket_id

)

select * from final
