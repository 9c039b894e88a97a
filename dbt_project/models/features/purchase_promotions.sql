-- each day on which a user bought a product, and whether the product stood in a promotion then
with purchases as (

    select
        user_id,
        product_id,
        ordered_on,
        sum(quantity) as units,
        -- of an event log a price may be unknown: the day counts, and no money
        coalesce(sum(quantity * paid_price), 0) as spend,
        coalesce(sum(quantity * list_price), 0) as list_spend
    from {{ ref('stg_order_lines') }}
    where quantity > 0
    group by user_id, product_id, ordered_on

),

sold_days as (

    select distinct
        product_id,
        ordered_on
    from purchases

),

promoted_days as (

    select distinct
        sold_days.product_id,
        sold_days.ordered_on
    from sold_days
    inner join {{ ref('promotion_weeks') }} as promotions
        on
            sold_days.product_id = promotions.product_id
            and sold_days.ordered_on >= promotions.week_start
            and sold_days.ordered_on < {{ add_days('promotions.week_start', 7) }}
    where promotions.is_promoted

),

final as (

    select
        purchases.user_id,
        purchases.product_id,
        purchases.ordered_on,
        cast(purchases.units as decimal(18, 3)) as units,
        cast(purchases.spend as decimal(18, 2)) as spend,
        cast(purchases.list_spend as decimal(18, 2)) as list_spend,
        promoted_days.product_id is not null as is_promoted
    from purchases
    left join promoted_days
        on
            purchases.product_id = promoted_days.product_id
            and purchases.ordered_on = promoted_days.ordered_on

)

select * from final
