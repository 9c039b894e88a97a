-- which thresholds, coupons and points a basket gets at the prices that item promotions leave
{{ config(materialized='table') }}
with contests as (

    select * from {{ ref('basket_contests') }}

),

left_over as (

    select
        basket_id,
        item_number,
        min(left_cents) as left_cents
    from {{ ref('basket_item_prices') }}
    group by basket_id, item_number

),

opened as (

    select
        matches.*,
        matches.offer_id as level,
        coalesce(left_over.left_cents, matches.amount_cents) as left_cents
    from {{ ref('basket_matches') }} as matches
    inner join contests
        on matches.basket_id = contests.basket_id and matches.offer_id = contests.offer_id
    left join left_over on matches.basket_id = left_over.basket_id and matches.item_number = left_over.item_number
    where contests.code is null and contests.step > 1

),

{{ basket_wished() }},

alone as (

    select
        basket_id,
        offer_id,
        sum(left_cents) as spend_cents,
        {{ cents_half_up('sum(wish)') }} as discount_cents
    from wished
    group by basket_id, offer_id

),

judged as (

    select
        contests.basket_id,
        contests.offer_id,
        offers.promotion_id,
        contests.step,
        offers.priority,
        offers.exclusive_group,
        offers.expected_margin,
        coalesce(alone.spend_cents, contests.spend_cents) as spend_cents,
        coalesce(alone.discount_cents, contests.discount_cents) as discount_cents,
        case
            when contests.code is not null then contests.code
            when alone.spend_cents < cast(offers.min_spend as decimal(28, 2)) * 100 then 'MIN_SPEND_NOT_REACHED'
            when alone.discount_cents = 0 and contests.step < 4 then 'FLOOR_REACHED'
        end as code,
        bool_or(offers.group_winner = 'best_for_customer') over (
            partition by contests.basket_id, offers.exclusive_group
        ) as is_group_for_customer
    from contests
    inner join {{ ref('basket_offers') }} as offers
        on contests.basket_id = offers.basket_id and contests.offer_id = offers.offer_id
    left join alone on contests.basket_id = alone.basket_id and contests.offer_id = alone.offer_id

),

ranked as (

    select
        *,
        case when code is null and step > 1 and exclusive_group is not null then row_number() over (
            partition by basket_id, exclusive_group, code
            order by
                {{ basket_value('is_group_for_customer', 'discount_cents') }} desc,
                discount_cents desc,
                expected_margin desc,
                priority,
                promotion_id,
                offer_id
        ) end as group_place
    from judged

),

decided as (

    select
        *,
        case when code is not null then code when group_place > 1 then 'GROUP_LOST' end as verdict
    from ranked

),

final as (

    select
        basket_id,
        offer_id,
        cast(step as integer) as step,
        verdict as code,
        case
            when verdict is null and step < 4
                then cast(dense_rank() over (partition by basket_id, verdict, step < 4 order by step, priority) as integer)
        end as level,
        cast(spend_cents as decimal(18, 0)) as spend_cents
    from decided

)

select * from final
