-- what promotions take off a basket is what its lines are spared, step by step
with by_step as (

    select
        basket_id,
        sum(case when step = 'item' then discount else 0 end) as item_discount,
        sum(case when step = 'threshold' then discount else 0 end) as threshold_discount,
        sum(case when step = 'coupon' then discount else 0 end) as coupon_discount
    from {{ ref('basket_promotions') }}
    group by basket_id

)

select totals.basket_id
from {{ ref('basket_totals') }} as totals
left join by_step on totals.basket_id = by_step.basket_id
where
    totals.item_discount <> coalesce(by_step.item_discount, 0)
    or totals.threshold_discount <> coalesce(by_step.threshold_discount, 0)
    or totals.coupon_discount <> coalesce(by_step.coupon_discount, 0)
