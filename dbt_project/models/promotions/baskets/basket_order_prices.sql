-- the items that thresholds and coupons apply to, as item promotions leave them and after each level
{{ config(materialized='table') }}
with recursive played as (

    {{ basket_played(ref('basket_choices'), 'choices.step > 1') }}

),

left_over as (

    select
        basket_id,
        item_number,
        min(left_cents) as left_cents
    from {{ ref('basket_item_prices') }}
    group by basket_id, item_number

),

levels as (

    select
        basket_id,
        min(level) - 1 as level,
        max(level) as levels
    from played
    group by basket_id

),

openings as (

    select
        items.basket_id,
        items.item_number,
        '' as rounded_with,
        coalesce(left_over.left_cents, items.amount_cents) as left_cents,
        levels.level,
        levels.levels
    from {{ ref('basket_items') }} as items
    inner join levels on items.basket_id = levels.basket_id
    left join left_over on items.basket_id = left_over.basket_id and items.item_number = left_over.item_number

),

{{ basket_cascade() }},

final as (

    select
        basket_id,
        item_number,
        level,
        left_cents,
        discount_cents
    from cascade

)

select * from final
