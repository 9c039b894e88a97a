-- each promotion that may matter to a basket: the open offers of its user, and the coupons that the customer entered
{{ config(materialized='table') }}
with baskets as (

    select
        basket_id,
        max(user_id) as user_id,
        max(quoted_at) as quoted_at,
        bool_or(coupon_ids is not null) as names_coupons
    from {{ ref('basket_lines') }}
    group by basket_id

),

codes as (

    select
        basket_id,
        {{ split_rows('coupon_ids', '|') }} as code
    from {{ ref('basket_lines') }}
    where coupon_ids is not null

),

entered as (

    select distinct
        basket_id,
        trim(code) as promotion_id
    from codes
    where trim(code) <> ''

),

used as (

    select
        promotion_id,
        user_id,
        max(redeemed_at) as redeemed_at
    from {{ ref('promotion_uses') }}
    group by promotion_id, user_id

),

held as (

    select
        baskets.basket_id,
        baskets.user_id,
        baskets.quoted_at,
        baskets.names_coupons,
        entered.promotion_id is not null as is_entered,
        offers.offer_id,
        offers.promotion_id,
        offers.promotion_name,
        offers.kind,
        {{ basket_step('offers.kind', 'offers.product_id', 'coupons.coupon_id is not null') }} as step,
        offers.amount_off,
        offers.percent_off,
        offers.points_multiplier,
        offers.min_spend,
        offers.product_id,
        offers.categories,
        offers.min_margin,
        offers.valid_from,
        offers.valid_to,
        coalesce(offers.priority, 50) as priority,
        offers.exclusive_group,
        coalesce(offers.is_stackable, true) as is_stackable,
        coalesce(offers.group_winner, 'expected_margin') as group_winner,
        coalesce(offers.expected_margin, 0) as expected_margin,
        coalesce(used.redeemed_at >= {{ utc_midnight('offers.as_of_date') }}, false) as is_used
    from baskets
    inner join {{ ref('offers') }} as offers on baskets.user_id = offers.user_id
    left join entered on baskets.basket_id = entered.basket_id and offers.promotion_id = entered.promotion_id
    left join used on offers.promotion_id = used.promotion_id and offers.user_id = used.user_id
    left join {{ ref('stg_coupons') }} as coupons on offers.promotion_id = coupons.coupon_id
    -- offers of the past are of interest to nobody who doesn't ask for them
    where offers.valid_to > baskets.quoted_at or entered.promotion_id is not null

),

-- of an entered coupon that was offered more than once, what is over says nothing where an offer is open
told as (

    select
        *,
        max(valid_to) over (partition by basket_id, promotion_id) as latest_valid_to
    from held

),

final as (

    select
        basket_id,
        offer_id,
        user_id,
        promotion_id,
        promotion_name,
        kind,
        cast(step as integer) as step,
        amount_off,
        percent_off,
        points_multiplier,
        min_spend,
        product_id,
        categories,
        min_margin,
        cast(priority as integer) as priority,
        exclusive_group,
        is_stackable,
        group_winner,
        cast(expected_margin as double) as expected_margin,
        case
            when is_used then 'USED'
            when quoted_at < valid_from then 'NOT_YET_VALID'
            when quoted_at >= valid_to then 'EXPIRED'
            when step = 3 and names_coupons and not is_entered then 'NOT_ENTERED'
        end as code
    from told
    where valid_to > quoted_at or valid_to = latest_valid_to

    union all

    select
        entered.basket_id,
        cast(null as string) as offer_id,
        baskets.user_id,
        entered.promotion_id,
        cast(null as string) as promotion_name,
        cast(null as string) as kind,
        cast(null as integer) as step,
        cast(null as decimal(18, 2)) as amount_off,
        cast(null as double) as percent_off,
        cast(null as double) as points_multiplier,
        cast(null as decimal(18, 2)) as min_spend,
        cast(null as string) as product_id,
        cast(null as string) as categories,
        cast(null as double) as min_margin,
        cast(null as integer) as priority,
        cast(null as string) as exclusive_group,
        cast(null as boolean) as is_stackable,
        cast(null as string) as group_winner,
        cast(null as double) as expected_margin,
        'NOT_HELD' as code
    from entered
    inner join baskets on entered.basket_id = baskets.basket_id
    where not exists (
        select 1
        from held
        where held.basket_id = entered.basket_id and held.promotion_id = entered.promotion_id
    )

)

select * from final
