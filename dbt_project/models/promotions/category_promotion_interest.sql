-- for each user and promotion for baskets of some categories: the chance of a purchase from them, and what one usually comes to
{{ config(materialized='table') }}

with promotions as (

    select
        as_of_date,
        promotion_id,
        categories
    from {{ ref('promotion_terms') }}
    where source = 'catalogue' and categories is not null and kind not in {{ product_kinds() }}

),

users as (

    select
        segments.as_of_date,
        segments.user_id,
        segments.purchase_intent,
        features.visit_days_364d
    from {{ ref('user_segments') }} as segments
    inner join {{ ref('user_features') }} as features
        on segments.as_of_date = features.as_of_date and segments.user_id = features.user_id

),

-- how many buy from the category that most do, of those who buy at all
commonness as (

    select
        promotions.promotion_id,
        max(cast(category_statistics.buyers_28d as double) / nullif(category_statistics.active_users, 0)) as buyer_share
    from promotions
    inner join {{ ref('category_statistics') }} as category_statistics
        on
            promotions.as_of_date = category_statistics.as_of_date
            and {{ admits('promotions.categories', 'category_statistics.category') }}
    group by promotions.promotion_id

),

priced as (

    select
        promotions.promotion_id,
        {{ exact_avg('market.market_price') }} as mean_price
    from promotions
    inner join {{ ref('market_prices') }} as market on {{ admits('promotions.categories', 'market.category') }}
    group by promotions.promotion_id

),

scored as (

    select
        scores.user_id,
        promotions.promotion_id,
        scores.category,
        scores.category_interest,
        row_number() over (
            partition by scores.user_id, promotions.promotion_id order by scores.category_interest desc, scores.category
        ) as place
    from promotions
    inner join {{ ref('category_interest_scores') }} as scores
        on {{ admits('promotions.categories', 'scores.category') }}

),

-- the category that the user buys most often tells on how many days the user buys from any of them
bought as (

    select
        purchases.user_id,
        promotions.promotion_id,
        max(purchases.purchase_days) as purchase_days,
        {{ exact_sum('purchases.spend') }} as spend
    from promotions
    inner join {{ ref('user_category_purchases') }} as purchases
        on
            promotions.as_of_date = purchases.as_of_date
            and {{ admits('promotions.categories', 'purchases.category') }}
    where purchases.purchase_days > 0
    group by purchases.user_id, promotions.promotion_id

),

final as (

    select
        users.user_id,
        promotions.promotion_id,
        -- nobody buys from them without buying; where none of them is scored, by how often the user buys from them, or others do
        cast(least(users.purchase_intent, coalesce(
            scored.category_interest,
            users.purchase_intent * greatest(
                least(coalesce(cast(bought.purchase_days as double) / nullif(users.visit_days_364d, 0), 0), 1),
                coalesce(commonness.buyer_share, 0)
            )
        )) as float) as category_interest,
        case when scored.category_interest <= users.purchase_intent then scored.category end as category,
        coalesce(bought.spend / bought.purchase_days, priced.mean_price, 0) as usual_spend
    from users
    inner join promotions on users.as_of_date = promotions.as_of_date
    left join scored
        on users.user_id = scored.user_id and promotions.promotion_id = scored.promotion_id and scored.place = 1
    left join bought on users.user_id = bought.user_id and promotions.promotion_id = bought.promotion_id
    left join commonness on promotions.promotion_id = commonness.promotion_id
    left join priced on promotions.promotion_id = priced.promotion_id

)

select * from final
