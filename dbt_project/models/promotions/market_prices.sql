-- the price of a product with no person in it: list price × demand × stock × competitor, each bounded by policy
with products as (

    select
        features.as_of_date,
        features.product_id,
        features.category,
        cast(coalesce(listed.list_price, features.list_price) as decimal(18, 2)) as list_price,
        listed.unit_cost,
        features.last_price,
        features.prior_price_30d,
        features.units_7d,
        features.units_28d,
        features.stock_on_hand,
        features.competitor_price,
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
    where
        policy.is_promotable
        and listed.is_active
        and coalesce(listed.list_price, features.list_price) > 0

),

factors as (

    select
        *,
        -- this week against the mean of four; eight units of prior keep slow sellers at 1
        case
            when units_28d > 0
                then least(demand_cap, greatest(
                    demand_floor, 1 + demand_slope * ln((4 * units_7d + 8) / (units_28d + 8)) / ln(2.0)
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

final as (

    select
        as_of_date,
        product_id,
        category,
        list_price,
        cast(demand_factor as double) as demand_factor,
        cast(stock_factor as double) as stock_factor,
        cast(competitor_factor as double) as competitor_factor,
        cast(greatest(
            price_floor, least(list_price, list_price * demand_factor * stock_factor * competitor_factor)
        ) as double) as market_price,
        cast(price_floor as double) as price_floor,
        case when unit_cost is null then 'MAX_DISCOUNT' else 'MARGIN_FLOOR' end as floor_guardrail,
        unit_cost,
        prior_price_30d,
        last_price,
        k_share,
        max_step,
        price_step,
        price_ending
    from factors

)

select * from final
