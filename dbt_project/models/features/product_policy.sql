-- the pricing policy that holds for each product: its category's row, else the row *
with policy as (

    select * from {{ ref('pricing_policy') }}

),

matched as (

    select
        products.product_id,
        coalesce(own.category, '*') as policy_category
    from {{ ref('stg_products') }} as products
    left join policy as own on products.category = own.category

),

final as (

    select
        matched.product_id,
        policy.category as policy_category,
        policy.is_promotable,
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
        policy.price_ending,
        policy.prior_price_days,
        policy.heeds_response
    from matched
    inner join policy on matched.policy_category = policy.category

)

select * from final
