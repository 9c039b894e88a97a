-- each line of an open basket: what it costs before promotions, where that price comes from, and how low it may go
{{ config(materialized='table') }}
with dates as (

    {{ scoring_day('as_of_at') }}

),

lines as (

    select
        dates.as_of_date,
        baskets.basket_id,
        baskets.line_number,
        baskets.user_id,
        baskets.product_id,
        baskets.quantity,
        baskets.unit_price,
        baskets.coupon_ids,
        coalesce(max(baskets.quoted_at) over (partition by baskets.basket_id), dates.as_of_at) as quoted_at
    from {{ ref('stg_baskets') }} as baskets
    cross join dates

),

-- the market price as the guardrails of prices leave it, for who has no price of their own
guarded as (

    select
        *,
        {{ within_bounds('market_price') }} as guarded_price
    from {{ ref('market_prices') }}

),

endings as (

    select
        *,
        {{ ending_below('guarded_price') }} as ending
    from guarded

),

market as (

    select
        product_id,
        {{ price_with_ending('ending') }} as market_price
    from endings

),

-- of those with a basket alone: naming a price for everybody would cost as much as every price there is
personal as (

    select
        prices.user_id,
        prices.product_id,
        prices.personal_price,
        prices.is_personalised
    from {{ ref('dynamic_prices') }} as prices
    where exists (
        select 1
        from lines
        where prices.user_id = lines.user_id
    )

),

priced as (

    select
        lines.*,
        products.category,
        coalesce(products.list_price, cast(features.list_price as decimal(18, 2))) as list_price,
        products.unit_cost,
        policy.min_margin,
        policy.max_discount,
        coalesce(policy.is_promotable, false) as is_promotable,
        coalesce(
            lines.unit_price,
            personal.personal_price,
            market.market_price,
            products.list_price,
            cast(features.list_price as decimal(18, 2))
        ) as found_price,
        case
            when lines.unit_price is not null then 'SHELF'
            when personal.is_personalised then 'PERSONAL'
            when coalesce(personal.personal_price, market.market_price) is not null then 'MARKET'
            when coalesce(products.list_price, features.list_price) is not null then 'LIST'
        end as found_in
    from lines
    left join {{ ref('stg_products') }} as products on lines.product_id = products.product_id
    left join {{ ref('product_policy') }} as policy on lines.product_id = policy.product_id
    left join {{ ref('product_features') }} as features
        on lines.product_id = features.product_id and lines.as_of_date = features.as_of_date
    left join market on lines.product_id = market.product_id
    left join personal
        on lines.user_id = personal.user_id and lines.product_id = personal.product_id

),

-- a line beyond a thousand million is a mistake, and its arithmetic would not be exact
plausible as (

    select
        *,
        cast(coalesce(list_price, found_price) as decimal(28, 2)) as discounted_from,
        case when found_price * cast(quantity as decimal(20, 3)) < 1000000000 then found_price end as unit_price_found
    from priced

),

final as (

    select
        as_of_date,
        basket_id,
        line_number,
        user_id,
        quoted_at,
        product_id,
        category,
        quantity,
        unit_price_found as unit_price,
        case when unit_price_found is not null then found_in end as price_source,
        is_promotable and unit_price_found is not null as is_promotable,
        unit_cost,
        -- where the cost is unknown, the deepest discount of the policy stands in for the margin floor
        {{ basket_unit_floor(
            'unit_price_found',
            'coalesce(' ~ unit_cost_floor() ~ ', discounted_from * cast(1 - max_discount as decimal(9, 4)))'
        ) }} as unit_floor,
        coupon_ids,
        cast(dense_rank() over (
            partition by basket_id order by product_id, unit_price_found nulls last
        ) as integer) as item_number
    from plausible

)

select * from final
