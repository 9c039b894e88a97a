-- which promotions of a basket may combine: the best that stands alone or the others, and among item promotions one of a group
{{ config(materialized='table') }}
with offers as (

    select * from {{ ref('basket_offers') }}

),

opened as (

    select
        matches.*,
        matches.offer_id as level,
        matches.amount_cents as left_cents
    from {{ ref('basket_matches') }} as matches

),

-- what each would take off if it were the only one
{{ basket_wished() }},

alone as (

    select
        basket_id,
        offer_id,
        sum(amount_cents) as spend_cents,
        {{ cents_half_up('sum(wish)') }} as discount_cents
    from wished
    group by basket_id, offer_id

),

judged as (

    select
        offers.basket_id,
        offers.offer_id,
        offers.promotion_id,
        offers.step,
        offers.priority,
        offers.exclusive_group,
        offers.is_stackable,
        offers.group_winner,
        offers.expected_margin,
        cast(offers.min_spend as decimal(28, 2)) * 100 as min_spend_cents,
        coalesce(alone.spend_cents, 0) as spend_cents,
        coalesce(alone.discount_cents, 0) as discount_cents,
        case
            when offers.code is not null then offers.code
            when alone.offer_id is null then 'NO_MATCHING_LINE'
            when alone.spend_cents < cast(offers.min_spend as decimal(28, 2)) * 100 then 'MIN_SPEND_NOT_REACHED'
            when alone.discount_cents = 0 and offers.step < 4 then 'FLOOR_REACHED'
        end as code
    from offers
    left join alone on offers.basket_id = alone.basket_id and offers.offer_id = alone.offer_id

),

-- what item promotions of other groups would take off the lines that a minimum counts
item_cuts as (

    select
        counted.basket_id,
        counted.offer_id,
        {{ cents_half_up('sum(cut.wish)') }} as cut_cents
    from judged
    inner join wished as counted on judged.basket_id = counted.basket_id and judged.offer_id = counted.offer_id
    inner join wished as cut on counted.basket_id = cut.basket_id and counted.item_number = cut.item_number and cut.step = 1
    inner join judged as rivals on cut.basket_id = rivals.basket_id and cut.offer_id = rivals.offer_id
    where
        judged.step > 1
        and judged.code is null
        and judged.min_spend_cents is not null
        and rivals.code is null
        and rivals.is_stackable
        and coalesce(rivals.exclusive_group <> judged.exclusive_group, true)
    group by counted.basket_id, counted.offer_id

),

-- a promotion that may turn out not to reach its minimum displaces none of an earlier step
contenders as (

    select
        judged.*,
        judged.code is null and (
            not judged.is_stackable
            or judged.min_spend_cents is null
            or judged.spend_cents - coalesce(item_cuts.cut_cents, 0) >= judged.min_spend_cents
        ) as contends,
        bool_or(judged.group_winner = 'best_for_customer') over (
            partition by judged.basket_id, judged.exclusive_group
        ) as is_group_for_customer,
        bool_or(judged.group_winner = 'best_for_customer' and not judged.is_stackable) over (
            partition by judged.basket_id
        ) as is_basket_for_customer
    from judged
    left join item_cuts on judged.basket_id = item_cuts.basket_id and judged.offer_id = item_cuts.offer_id

),

valued as (

    select
        *,
        {{ basket_value('is_group_for_customer', 'discount_cents') }} as group_value,
        {{ basket_value('is_basket_for_customer', 'discount_cents') }} as basket_value
    from contenders

),

ranked as (

    select
        *,
        case when contends and is_stackable and exclusive_group is not null then row_number() over (
            partition by basket_id, exclusive_group, contends, is_stackable
            order by group_value desc, discount_cents desc, expected_margin desc, priority, promotion_id, offer_id
        ) end as group_place,
        case when contends and not is_stackable then row_number() over (
            partition by basket_id, contends, is_stackable
            order by basket_value desc, discount_cents desc, expected_margin desc, priority, promotion_id, offer_id
        ) end as lone_place
    from valued

),

-- those that combine, by what they bring together, against the one that stands alone; equal: those that combine
sides as (

    select
        *,
        max(case when lone_place = 1 then basket_value end) over (partition by basket_id) as lone_value,
        sum(case
            when contends and is_stackable and coalesce(group_place, 1) = 1 then basket_value
        end) over (partition by basket_id) as joint_value,
        bool_or(group_place = 1 and step = 1) over (partition by basket_id, exclusive_group) as is_group_of_items
    from ranked

),

decided as (

    select
        *,
        case
            when code is not null then code
            when lone_value > coalesce(joint_value, -1) and coalesce(lone_place, 0) <> 1 then 'NOT_STACKABLE'
            when lone_value <= coalesce(joint_value, -1) and not is_stackable then 'NOT_STACKABLE'
            -- groups without an item promotion at their head are settled at the prices that item promotions leave
            when
                is_stackable and exclusive_group is not null
                and coalesce(group_place, 0) <> 1
                and (step = 1 or is_group_of_items)
                then 'GROUP_LOST'
        end as verdict
    from sides

),

final as (

    select
        basket_id,
        offer_id,
        step,
        verdict as code,
        case
            when verdict is null and step = 1
                then cast(dense_rank() over (partition by basket_id, step, verdict order by priority) as integer)
        end as level,
        cast(spend_cents as decimal(18, 0)) as spend_cents,
        cast(discount_cents as decimal(18, 0)) as discount_cents
    from decided
    where offer_id is not null

)

select * from final
