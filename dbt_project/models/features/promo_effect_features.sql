-- one row a user and product bought in the months before: all that the effect of promoting it may depend on, interest aside
with dates as (

    select as_of_date from {{ ref('promo_effect_dates') }}

),

policy as (

    select {{ policy_value('history_half_life_days') }} as half_life_days

),

-- purchases of the last months alone: counts over all time would grow as the shop's history does
purchases as (

    select
        dates.as_of_date,
        purchases.user_id,
        purchases.product_id,
        purchases.ordered_on,
        purchases.spend,
        purchases.list_spend,
        purchases.is_promoted,
        {{ days_between('purchases.ordered_on', 'dates.as_of_date') }} as days_ago
    from {{ ref('purchase_promotions') }} as purchases
    inner join dates
        on
            purchases.ordered_on < dates.as_of_date
            and purchases.ordered_on >= {{ add_days('dates.as_of_date', -var('promo_history_days')) }}

),

pairs as (

    select
        purchases.as_of_date,
        purchases.user_id,
        purchases.product_id,
        count(*) as purchase_days,
        sum(case when purchases.is_promoted then 1 else 0 end) as promoted_days,
        min(purchases.days_ago) as recency_days,
        max(purchases.days_ago) as first_days_ago,
        -- a purchase counts 1, halved every half-life
        {{ exact_sum('exp(-ln(2.0) * purchases.days_ago / policy.half_life_days)') }} as affinity
    from purchases
    cross join policy
    group by purchases.as_of_date, purchases.user_id, purchases.product_id

),

users as (

    select
        as_of_date,
        user_id,
        count(*) / cast(count(distinct ordered_on) as double) as lines_per_visit,
        count(distinct case when days_ago <= 28 then ordered_on end) as visit_days_28d,
        sum(case when is_promoted then 1 else 0 end) / cast(count(*) as double) as promoted_share,
        1 - sum(spend) / nullif(cast(sum(list_spend) as double), 0) as discount_share
    from purchases
    group by as_of_date, user_id

),

categories as (

    select
        pairs.as_of_date,
        pairs.user_id,
        products.category,
        sum(pairs.purchase_days) as purchase_days,
        min(pairs.recency_days) as recency_days
    from pairs
    inner join {{ ref('stg_products') }} as products on pairs.product_id = products.product_id
    group by pairs.as_of_date, pairs.user_id, products.category

),

favourites as (

    select pairs.*
    from pairs
    inner join {{ ref('product_policy') }} as policy on pairs.product_id = policy.product_id
    where policy.is_promotable
    qualify
        row_number() over (
            partition by pairs.as_of_date, pairs.user_id order by pairs.affinity desc, pairs.product_id
        ) between 1 and {{ var('promo_effect_products_per_user') }}

),

named as (

    select
        favourites.as_of_date,
        favourites.user_id,
        favourites.product_id,
        products.price_percentile as product_price_level,
        products.list_price as product_list_price,
        products.discount_share as product_discount_share,
        ln(1.0 + products.purchases_28d) as product_popularity,
        products.purchases_per_buyer as product_rebuy_rate,
        products.purchases_7d * 4.0 / nullif(products.purchases_28d, 0) as product_trend,
        products.promoted_share as product_promoted_share,
        products.mailer_share as product_mailer_share,
        products.display_share as product_display_share,
        products.plain_purchases_per_week as product_plain_pace,
        products.promoted_purchases_per_week as product_promoted_pace,
        products.promoted_discount as product_promoted_discount,
        products.plain_discount as product_plain_discount,
        ln(products.promotion_lift) as product_promotion_lift,
        ln(products.category_promotion_lift) as category_promotion_lift,
        products.days_since_promotion as product_days_since_promotion,
        favourites.purchase_days as own_purchase_days,
        favourites.recency_days as own_recency_days,
        favourites.affinity as own_affinity,
        -- 1 when as many days have passed since the last purchase as usually lie between two
        favourites.recency_days * (favourites.purchase_days - 1.0) / nullif(
            favourites.first_days_ago - favourites.recency_days, 0
        ) as own_overdue_ratio,
        favourites.promoted_days / cast(favourites.purchase_days as double) as own_promoted_share,
        categories.purchase_days as category_purchase_days,
        categories.recency_days as category_recency_days,
        users.promoted_share as user_promoted_share,
        users.discount_share as user_discount_share,
        users.visit_days_28d as user_visit_days_28d,
        users.lines_per_visit as user_lines_per_visit
    from favourites
    inner join users on favourites.as_of_date = users.as_of_date and favourites.user_id = users.user_id
    inner join {{ ref('product_promotion_history') }} as products
        on favourites.as_of_date = products.as_of_date and favourites.product_id = products.product_id
    inner join categories
        on
            favourites.as_of_date = categories.as_of_date
            and favourites.user_id = categories.user_id
            and products.category = categories.category

),

final as (

    select
        as_of_date,
        user_id,
        product_id,
        {{ float_vector(var('promo_effect_product') + var('promo_effect_features')) }} as features
    from named

)

select * from final
