-- what each user would pay for each considered product: the formula, the guardrails, the price ending
-- A table in the order of users, with what the market price is made of: a look-up of one user's prices joins nothing.
{{ config(materialized='table') }}

with priced as (

    select
        considered.as_of_date,
        considered.user_id,
        considered.product_id,
        considered.is_personal,
        considered.interest,
        considered.max_interest,
        considered.price_sensitivity,
        market.category,
        market.list_price,
        market.demand_factor,
        market.stock_factor,
        market.competitor_factor,
        market.market_price,
        market.price_floor,
        market.floor_guardrail,
        market.prior_price,
        market.reduction_began_on,
        market.discount_response,
        market.response_floor,
        market.last_price,
        market.max_step,
        market.price_step,
        market.price_ending,
        market.bounded_market_price,
        market.non_personal_price,
        market.k_share * market.market_price as k
    from {{ ref('considered_products') }} as considered
    inner join {{ ref('market_prices') }} as market
        on considered.as_of_date = market.as_of_date and considered.product_id = market.product_id

),

-- P(u,p) = P0 + k · (1 − I(u,p) / I_max), k scaled by the user's price sensitivity
personal as (

    select
        *,
        case
            when is_personal
                then coalesce(market_price + k * price_sensitivity * (1 - interest / nullif(max_interest, 0)), market_price)
            else market_price
        end as formula_price
    from priced

),

bounded as (

    select
        *,
        {{ within_bounds(within_response('formula_price')) }} as bounded_price
    from personal

),

endings as (

    select
        *,
        {{ ending_below('bounded_price') }} as bounded_ending
    from bounded

),

rounded as (

    select
        *,
        {{ price_with_ending('bounded_ending') }} as rounded_price
    from endings

),

-- judged as it would be asked, with its ending: the ending may lie on the other side of the prior price
judged as (

    select
        *,
        {{ is_withdrawn('rounded_price', 'non_personal_price') }} as is_withdrawn
    from rounded

),

final as (

    select
        as_of_date,
        user_id,
        product_id,
        category,
        list_price,
        demand_factor,
        stock_factor,
        competitor_factor,
        market_price,
        is_personal,
        interest,
        max_interest,
        price_sensitivity,
        cast(formula_price as double) as formula_price,
        price_floor,
        discount_response,
        response_floor,
        {{ binding_guardrail('formula_price', 'bounded_price', 'is_withdrawn') }} as binding_guardrail,
        cast(case when is_withdrawn then bounded_market_price else bounded_price end as double) as guarded_price,
        case when is_withdrawn then non_personal_price else rounded_price end as personal_price,
        non_personal_price,
        prior_price,
        reduction_began_on
    from judged

)

select * from final
order by user_id, product_id
