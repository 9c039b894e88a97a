-- each promotion that may matter to a basket: what it takes off, or why it takes off nothing
{{ config(materialized='table') }}
with choices as (

    select * from {{ ref('basket_choices') }}

),

played as (

    {{ basket_played(ref('basket_choices'), 'true') }}

),

prices as (

    select
        basket_id,
        item_number,
        level + 1 as next_level,
        left_cents,
        true as is_before_orders
    from {{ ref('basket_item_prices') }}

    union all

    select
        basket_id,
        item_number,
        level + 1 as next_level,
        left_cents,
        false as is_before_orders
    from {{ ref('basket_order_prices') }}

),

opened as (

    select
        played.*,
        prices.left_cents
    from played
    inner join prices
        on
            played.basket_id = prices.basket_id
            and played.item_number = prices.item_number
            and played.level = prices.next_level
            and (played.step = 1) = prices.is_before_orders

),

{{ basket_wished() }},

{{ basket_taken() }},

-- what is rounded together for the lines is rounded together here
unrounded as (

    select
        basket_id,
        offer_id,
        level,
        rounded_with,
        sum(parts) as parts
    from taken
    group by basket_id, offer_id, level, rounded_with

),

{{ rounded_together('offer_id') }},

discounts as (

    select
        basket_id,
        offer_id,
        sum(cents) as discount_cents
    from rounded
    group by basket_id, offer_id

),

limits as (

    select
        basket_id,
        offer_id,
        case when max(percent_off) is null then max(asked) else sum(asked) end > sum(parts) as gave_way
    from taken
    group by basket_id, offer_id

),

-- what the lines pay whose points are multiplied
paid_items as (

    select
        items.basket_id,
        items.item_number,
        least(
            items.amount_cents, coalesce(min(item_prices.left_cents), items.amount_cents),
            coalesce(min(order_prices.left_cents), items.amount_cents)
        ) as paid_cents
    from {{ ref('basket_items') }} as items
    left join {{ ref('basket_item_prices') }} as item_prices
        on items.basket_id = item_prices.basket_id and items.item_number = item_prices.item_number
    left join {{ ref('basket_order_prices') }} as order_prices
        on items.basket_id = order_prices.basket_id and items.item_number = order_prices.item_number
    group by items.basket_id, items.item_number, items.amount_cents

),

pointed as (

    select
        choices.basket_id,
        choices.offer_id,
        sum(paid_items.paid_cents) as paid_cents
    from choices
    inner join {{ ref('basket_matches') }} as matches
        on choices.basket_id = matches.basket_id and choices.offer_id = matches.offer_id
    inner join paid_items
        on matches.basket_id = paid_items.basket_id and matches.item_number = paid_items.item_number
    where choices.step = 4 and choices.code is null
    group by choices.basket_id, choices.offer_id

),

coded as (

    select
        offers.*,
        choices.level,
        {{ cents_as_money('choices.spend_cents') }} as counted_spend,
        {{ cents_as_money('coalesce(discounts.discount_cents, 0)') }} as discount,
        {{ cents_as_money('pointed.paid_cents') }} as multiplied_spend,
        case
            when offers.code is not null then offers.code
            when choices.code is not null then choices.code
            when offers.step < 4 and coalesce(discounts.discount_cents, 0) = 0 then 'FLOOR_REACHED'
            when limits.gave_way then 'APPLIED_TO_FLOOR'
            else 'APPLIED'
        end as final_code
    from {{ ref('basket_offers') }} as offers
    left join choices on offers.basket_id = choices.basket_id and offers.offer_id = choices.offer_id
    left join discounts on offers.basket_id = discounts.basket_id and offers.offer_id = discounts.offer_id
    left join limits on offers.basket_id = limits.basket_id and offers.offer_id = limits.offer_id
    left join pointed on offers.basket_id = pointed.basket_id and offers.offer_id = pointed.offer_id

),

final as (

    select
        coded.basket_id,
        coded.user_id,
        coded.promotion_id,
        coded.offer_id,
        coded.promotion_name,
        coded.kind,
        case coded.step when 1 then 'item' when 2 then 'threshold' when 3 then 'coupon' when 4 then 'points' end as step,
        coded.priority,
        coded.level,
        codes.is_applied,
        coded.final_code as code,
        coded.amount_off,
        coded.percent_off,
        coded.discount,
        coded.min_spend,
        coded.counted_spend,
        coded.points_multiplier,
        coded.multiplied_spend,
        concat_ws(
            '', codes.sentence,
            case
                when coded.final_code = 'MIN_SPEND_NOT_REACHED'
                    then concat_ws(
                        '', ' That is ', cast(coded.counted_spend as string), ' of ', cast(coded.min_spend as string), '.'
                    )
                when codes.is_applied and coded.step < 4 then concat_ws('', ' It takes off ', cast(coded.discount as string), '.')
                when codes.is_applied
                    then concat_ws(
                        '', ' Points on ', cast(coded.multiplied_spend as string), ' are multiplied by ',
                        cast(cast(coded.points_multiplier as decimal(18, 2)) as string), '.'
                    )
            end
        ) as reason
    from coded
    left join {{ ref('basket_codes') }} as codes on coded.final_code = codes.code

)

select * from final
