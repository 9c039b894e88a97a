-- what each line of an open basket pays under the offers of its user
{{ config(materialized='table') }}
with levels as (

    select distinct
        basket_id,
        level,
        step
    from {{ ref('basket_choices') }}
    where level is not null

),

discounts as (

    select
        basket_id,
        item_number,
        discount_cents as item_cents,
        0 as threshold_cents,
        0 as coupon_cents
    from {{ ref('basket_item_prices') }}

    union all

    select
        prices.basket_id,
        prices.item_number,
        0 as item_cents,
        case when levels.step = 2 then prices.discount_cents else 0 end as threshold_cents,
        case when levels.step = 3 then prices.discount_cents else 0 end as coupon_cents
    from {{ ref('basket_order_prices') }} as prices
    inner join levels on prices.basket_id = levels.basket_id and prices.level = levels.level

),

items as (

    select
        items.basket_id,
        items.item_number,
        items.quantity,
        items.amount_cents,
        items.floor_cents,
        coalesce(sum(discounts.item_cents), 0) as item_cents,
        coalesce(sum(discounts.threshold_cents), 0) as threshold_cents,
        coalesce(sum(discounts.coupon_cents), 0) as coupon_cents
    from {{ ref('basket_items') }} as items
    left join discounts on items.basket_id = discounts.basket_id and items.item_number = discounts.item_number
    group by items.basket_id, items.item_number, items.quantity, items.amount_cents, items.floor_cents

),

-- the lines of an item share its cents one within the other, so that no line's discount passes its amount: each takes of what the
-- item costs its part by quantity, of the discount its part of the cost, of each step its part of the discount
lines as (

    select
        lines.basket_id,
        lines.line_number,
        lines.user_id,
        lines.product_id,
        lines.category,
        lines.quantity,
        lines.unit_price,
        lines.price_source,
        lines.item_number,
        items.quantity as item_quantity,
        items.amount_cents as item_amount,
        items.floor_cents,
        items.item_cents,
        items.threshold_cents,
        items.item_cents + items.threshold_cents + items.coupon_cents as off_cents,
        sum(lines.quantity) over (
            partition by lines.basket_id, lines.item_number order by lines.line_number
            rows between unbounded preceding and current row
        ) as quantity_so_far
    from {{ ref('basket_lines') }} as lines
    left join items on lines.basket_id = items.basket_id and lines.item_number = items.item_number

),

amounts as (

    select
        *,
        {{ basket_share('item_amount', 'quantity_so_far * 1000', 'item_quantity * 1000') }} as amount_so_far
    from lines

),

discounted as (

    select
        *,
        {{ basket_share('off_cents', 'amount_so_far', 'item_amount') }} as discount_so_far
    from amounts

),

stepped as (

    select
        *,
        {{ basket_share('item_cents', 'discount_so_far', 'off_cents') }} as item_so_far,
        {{ basket_share('floor_cents', 'amount_so_far - discount_so_far', 'item_amount - off_cents') }} as floor_so_far
    from discounted

),

cumulated as (

    select
        *,
        {{ basket_share('threshold_cents', 'discount_so_far - item_so_far', 'off_cents - item_cents') }} as threshold_so_far
    from stepped

),

parted as (

    select
        basket_id,
        line_number,
        user_id,
        product_id,
        category,
        quantity,
        price_source,
        unit_price,
        amount_so_far - lag(amount_so_far, 1, 0) over item_lines as amount_cents,
        discount_so_far - lag(discount_so_far, 1, 0) over item_lines as discount_cents,
        item_so_far - lag(item_so_far, 1, 0) over item_lines as item_cents,
        threshold_so_far - lag(threshold_so_far, 1, 0) over item_lines as threshold_cents,
        floor_so_far - lag(floor_so_far, 1, 0) over item_lines as floor_cents
    from cumulated
    window item_lines as (partition by basket_id, item_number order by line_number)

),

final as (

    select
        basket_id,
        line_number,
        user_id,
        product_id,
        category,
        quantity,
        price_source,
        unit_price,
        {{ cents_as_money('amount_cents') }} as amount,
        {{ cents_as_money('item_cents') }} as item_discount,
        {{ cents_as_money('threshold_cents') }} as threshold_discount,
        {{ cents_as_money('discount_cents - item_cents - threshold_cents') }} as coupon_discount,
        {{ cents_as_money('discount_cents') }} as discount,
        {{ cents_as_money('amount_cents - discount_cents') }} as paid,
        {{ cents_as_money('floor_cents') }} as price_floor
    from parted

)

select * from final
