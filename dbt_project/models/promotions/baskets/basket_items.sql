-- the lines of a basket that have the same product at the same price, as one: splitting a line changes nothing
{{ config(materialized='table') }}
with items as (

    select
        basket_id,
        item_number,
        product_id,
        category,
        is_promotable,
        unit_price,
        unit_cost,
        unit_floor,
        count(*) as lines,
        cast(sum(quantity) as decimal(18, 3)) as quantity
    from {{ ref('basket_lines') }}
    where unit_price is not null
    group by basket_id, item_number, product_id, category, is_promotable, unit_price, unit_cost, unit_floor

),

amounts as (

    select
        *,
        cast(unit_price * cast(quantity as decimal(20, 3)) as decimal(18, 2)) as amount
    from items

),

final as (

    select
        basket_id,
        item_number,
        product_id,
        category,
        is_promotable and amount > 0 and amount < 1000000000 as is_promotable,
        cast(lines as integer) as lines,
        quantity,
        unit_price,
        unit_cost,
        amount,
        cast(amount * 100 as decimal(18, 0)) as amount_cents,
        {{ basket_floor_cents('unit_floor', 'quantity', 'cast(amount * 100 as decimal(18, 0))') }} as floor_cents
    from amounts

)

select * from final
