-- the products that may be recommended today, with what ranking and reasons need of each
-- A table, so that a look-up of one user's recommendations reads it and computes nothing.
{{ config(materialized='table') }}

with today as (

    {{ scoring_day() }}

),

available as (

    select
        features.as_of_date,
        features.product_id,
        listed.product_name,
        features.category,
        features.subcategory,
        features.brand,
        features.price_percentile,
        features.buyers_28d,
        features.views_28d,
        features.days_since_launch,
        features.stock_on_hand,
        coalesce(
            1 - listed.unit_cost / nullif(coalesce(listed.list_price, features.list_price), 0),
            {{ policy_value('default_margin_share') }}
        ) as margin_share,
        replenishment.buyers,
        replenishment.replenishment_days,
        coalesce(replenishment.rebuy_share, 0) as rebuy_share
    from {{ ref('product_features') }} as features
    inner join today on features.as_of_date = today.as_of_date
    inner join {{ ref('product_policy') }} as terms on features.product_id = terms.product_id
    inner join {{ ref('stg_products') }} as listed on features.product_id = listed.product_id
    left join {{ ref('product_replenishment') }} as replenishment
        on features.as_of_date = replenishment.as_of_date and features.product_id = replenishment.product_id
    where
        terms.is_promotable
        and listed.is_active
        and coalesce(features.list_price, 1) > 0  -- a product without a price can be shown, a free one is no offer
        and coalesce(features.stock_on_hand, 1) > 0
        and coalesce(features.days_since_launch, 0) >= 0

),

final as (

    select
        as_of_date,
        product_id,
        product_name,
        category,
        subcategory,
        brand,
        price_percentile,
        cast(margin_share as double) as margin_share,
        buyers_28d,
        views_28d,
        replenishment_days,
        rebuy_share,
        replenishment_days is not null and rebuy_share >= {{ policy_value('rebuy_share') }} as is_rebought,
        -- without a day of launch, only stock says that a product nobody has bought yet is on sale
        case
            when days_since_launch is not null
                then
                    days_since_launch < {{ policy_value('new_product_days') }}
                    and buyers_28d < {{ policy_value('new_product_buyers') }}
            else coalesce(buyers, 0) = 0 and buyers_28d = 0 and stock_on_hand is not null
        end as is_new
    from available

)

select * from final
