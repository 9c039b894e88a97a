-- what each open promotion applies to in a basket: how much of each item, and how low the item may go under it
{{ config(materialized='table') }}
with offers as (

    select * from {{ ref('basket_offers') }}
    where code is null

),

listed as (

    select distinct coupon_id from {{ ref('stg_coupon_products') }}

),

pairs as (

    select
        offers.basket_id,
        offers.offer_id,
        offers.step,
        offers.percent_off,
        offers.amount_off,
        offers.min_margin,
        items.item_number,
        items.product_id,
        items.quantity,
        items.unit_price,
        items.unit_cost,
        items.amount_cents,
        items.floor_cents
    from offers
    inner join {{ ref('basket_items') }} as items on offers.basket_id = items.basket_id
    left join listed on offers.promotion_id = listed.coupon_id and offers.step > 1
    left join {{ ref('stg_coupon_products') }} as covered
        on offers.promotion_id = covered.coupon_id and items.product_id = covered.product_id
    where
        items.is_promotable
        and (offers.step > 1 or items.product_id = offers.product_id)
        and {{ admits('offers.categories', 'items.category') }}
        and (listed.coupon_id is null or covered.product_id is not null)

),

-- an item promotion is for one unit, the dearest first
counted as (

    select
        *,
        case
            when step > 1 then quantity
            else least(quantity, 1 - coalesce(sum(quantity) over (
                partition by basket_id, offer_id order by unit_price desc, item_number
                rows between unbounded preceding and 1 preceding
            ), 0))
        end as covered
    from pairs

),

final as (

    select
        basket_id,
        offer_id,
        item_number,
        step,
        percent_off,
        amount_off,
        amount_cents,
        cast(greatest(
            floor_cents,
            case
                when unit_cost is not null and min_margin is not null
                    then {{ basket_floor_cents(basket_unit_floor('unit_price', unit_cost_floor()), 'quantity', 'amount_cents') }}
                else floor_cents
            end
        ) as decimal(18, 0)) as floor_cents,
        cast(covered * 1000 as decimal(18, 0)) as covered_thousandths,
        cast(quantity * 1000 as decimal(18, 0)) as quantity_thousandths,
        -- a product is a price of its own, the order one sum of money
        case when step = 1 then product_id else '' end as rounded_with
    from counted
    where covered > 0

)

select * from final
