-- the items that item promotions apply to, at the opening and after each level of them
{{ config(materialized='table') }}
with recursive played as (

    {{ basket_played(ref('basket_contests'), 'choices.step = 1') }}

),

openings as (

    select
        basket_id,
        item_number,
        rounded_with,
        amount_cents as left_cents,
        0 as level,
        max(level) as levels
    from played
    group by basket_id, item_number, rounded_with, amount_cents

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
