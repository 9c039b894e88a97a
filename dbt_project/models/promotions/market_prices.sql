-- the price of a product with no person in it: list price × demand × stock × competitor, each bounded by policy
-- A table: a price is looked up for each candidate of a user, and what all users share is computed once.
{{ config(materialized='table') }}

{% set prior_units = 2 %}
with products as (

    select
        features.as_of_date,
        features.product_id,
        features.category,
        cast(coalesce(listed.list_price, features.list_price) as decimal(18, 2)) as list_price,
        listed.unit_cost,
        features.last_price,
        before.prior_price,
        before.reduction_began_on,
        features.units_28d,
        features.stock_on_hand,
        features.competitor_price,
        demand.recent_units,
        demand.usual_units,
        case when policy.heeds_response then response.shrunk_discount_response end as discount_response,
        policy.k_share,
        policy.max_discount,
        policy.min_margin,
        policy.max_step,
        policy.demand_slope,
        policy.demand_floor,
        policy.demand_cap,
        policy.overstock_days,
        policy.stock_floor,
        policy.competitor_floor,
        policy.price_step,
        policy.price_ending
    from {{ ref('product_features') }} as features
    inner join {{ ref('as_of_dates') }} as dates
        on features.as_of_date = dates.as_of_date and features.as_of_date = dates.data_until
    inner join {{ ref('stg_products') }} as listed on features.product_id = listed.product_id
    inner join {{ ref('product_policy') }} as policy on features.product_id = policy.product_id
    left join {{ ref('product_prior_prices') }} as before
        on features.as_of_date = before.as_of_date and features.product_id = before.product_id
    left join {{ ref('product_demand') }} as demand
        on features.as_of_date = demand.as_of_date and features.product_id = demand.product_id
    left join {{ ref('category_promotion_response') }} as response
        on features.as_of_date = response.as_of_date and features.category = response.category
    where
        policy.is_promotable
        and listed.is_active
        and coalesce(listed.list_price, features.list_price) > 0

),

factors as (

    select
        *,
        -- two units more on both sides keep slow sellers at 1
        case
            when recent_units is not null
                then least(demand_cap, greatest(
                    demand_floor,
                    1 + demand_slope * ln((recent_units + {{ prior_units }}) / (usual_units + {{ prior_units }})) / ln(2.0)
                ))
            else 1.0
        end as demand_factor,
        case
            when stock_on_hand * 28 > overstock_days * units_28d and units_28d > 0
                then greatest(stock_floor, overstock_days * units_28d / (stock_on_hand * 28))
            else 1.0
        end as stock_factor,
        case
            when competitor_price < list_price then greatest(competitor_floor, competitor_price / list_price)
            else 1.0
        end as competitor_factor,
        -- where the cost is unknown, the deepest discount of the policy stands in for the margin floor
        least(
            list_price, coalesce(unit_cost * (1 + min_margin), list_price * (1 - max_discount))
        ) as price_floor
    from products

),

priced as (

    select
        *,
        cast(greatest(
            price_floor, least(list_price, list_price * demand_factor * stock_factor * competitor_factor)
        ) as double) as market_price
    from factors

),

-- what everybody pays whom no interest moves; here, for a look-up of one user's prices plans none of it
bounded as (

    select
        *,
        {{ within_bounds('market_price') }} as bounded_market_price
    from priced

),

endings as (

    select
        *,
        {{ ending_below('bounded_market_price') }} as market_ending
    from bounded

),

final as (

    select
        as_of_date,
        product_id,
        category,
        list_price,
        cast(demand_factor as double) as demand_factor,
        cast(stock_factor as double) as stock_factor,
        cast(competitor_factor as double) as competitor_factor,
        market_price,
        cast(price_floor as double) as price_floor,
        case when unit_cost is null then 'MAX_DISCOUNT' else 'MARGIN_FLOOR' end as floor_guardrail,
        unit_cost,
        discount_response,
        cast({{ response_floor('market_price', 'unit_cost', 'discount_response') }} as double) as response_floor,
        prior_price,
        reduction_began_on,
        last_price,
        k_share,
        max_step,
        price_step,
        price_ending,
        bounded_market_price,
        {{ price_with_ending('market_ending') }} as non_personal_price
    from endings

)

select * from final
