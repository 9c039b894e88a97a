-- one row a user, candidate product and as-of date: what the interest model sees
with candidates as (

    select * from {{ ref('candidate_products') }}

),

users as (

    select * from {{ ref('user_features') }}

),

products as (

    select * from {{ ref('product_features') }}

),

product_history as (

    select * from {{ ref('user_product_history') }}

),

category_history as (

    select * from {{ ref('user_category_history') }}

),

subcategory_history as (

    select * from {{ ref('user_subcategory_history') }}

),

brand_history as (

    select
        history.as_of_date,
        history.user_id,
        products.brand,
        {{ exact_sum('history.affinity') }} as affinity
    from product_history as history
    inner join products on history.as_of_date = products.as_of_date and history.product_id = products.product_id
    where products.brand is not null
    group by history.as_of_date, history.user_id, products.brand

),

-- the user's own habits: price level of what was bought, share of products bought again, affinity over everything
habits as (

    select
        history.as_of_date,
        history.user_id,
        {{ exact_sum('history.affinity') }} as affinity,
        {{ exact_avg('case when history.purchase_days > 0 then products.price_percentile end') }} as price_level,
        avg(case when history.purchase_days > 1 then 1.0 when history.purchase_days = 1 then 0.0 end) as rebuy_share
    from product_history as history
    inner join products on history.as_of_date = products.as_of_date and history.product_id = products.product_id
    group by history.as_of_date, history.user_id

),

brands as (

    select
        as_of_date,
        category,
        brand,
        sum(buyers_112d) as buyers
    from products
    where brand is not null
    group by as_of_date, category, brand

),

brand_shares as (

    select
        as_of_date,
        category,
        brand,
        buyers / nullif(cast(sum(buyers) over (partition by as_of_date, category) as double), 0) as share
    from brands

),

most_bought as (

    select
        as_of_date,
        max(buyers_28d) as buyers_28d
    from products
    group by as_of_date

),

named as (

    select
        candidates.as_of_date,
        candidates.user_id,
        candidates.product_id,
        candidates.candidate_source,
        coalesce(category_history.affinity_share, 0) as user_category_affinity,
        coalesce(users.discount_share_364d, 0) as user_discount_share,
        coalesce(brand_history.affinity / nullif(habits.affinity, 0), 0) as user_brand_affinity,
        habits.price_level as user_price_level,
        habits.rebuy_share as user_rebuy_share,
        users.visit_days_28d / 28.0 as user_visit_rate,
        coalesce(products.category_buyer_share, 0) as product_category_share,
        products.discount_share_112d as product_discount_share,
        coalesce(brand_shares.share, 0) as product_brand_share,
        products.price_percentile as product_price_level,
        products.purchase_days_per_buyer_112d - 1 as product_rebuy_rate,
        ln(1.0 + products.buyers_28d) / nullif(ln(1.0 + most_bought.buyers_28d), 0) as product_popularity,
        coalesce(product_history.purchase_days, 0) as own_purchase_days,
        coalesce(product_history.purchase_days_28d, 0) as own_purchase_days_28d,
        product_history.recency_days as own_recency_days,
        product_history.days_since_first_purchase as own_days_since_first_purchase,
        coalesce(product_history.affinity, 0) as own_affinity,
        coalesce(product_history.affinity_short, 0) as own_affinity_short,
        coalesce(product_history.affinity_long, 0) as own_affinity_long,
        product_history.mean_gap_days as own_mean_gap_days,
        product_history.longest_gap_days as own_longest_gap_days,
        product_history.gap_deviation_days as own_gap_deviation_days,
        -- 1 when as many days have passed since the last purchase as usually lie between two
        product_history.recency_days / nullif(product_history.mean_gap_days, 0) as own_overdue_ratio,
        (product_history.recency_days - product_history.mean_gap_days) / (product_history.gap_deviation_days + 3)
            as own_overdue_deviations,
        coalesce(product_history.views_28d, 0) as own_views_28d,
        coalesce(product_history.carts_28d, 0) as own_carts_28d,
        product_history.days_since_last_view as own_days_since_last_view,
        -- the kind of a product is its subcategory, or its category where it has none
        coalesce(subcategory_history.purchase_days, kind_as_category.purchase_days, 0) as kind_purchase_days,
        coalesce(subcategory_history.recency_days, kind_as_category.recency_days) as kind_recency_days,
        coalesce(subcategory_history.affinity, kind_as_category.affinity, 0) as kind_affinity,
        coalesce(subcategory_history.purchase_days_28d, 0) as kind_purchase_days_28d,
        coalesce(category_history.purchase_days, 0) as category_purchase_days,
        category_history.recency_days as category_recency_days,
        coalesce(category_history.views_28d, 0) as category_views_28d,
        coalesce(candidates.neighbour_score, 0) as neighbour_score,
        candidates.candidate_rank,
        products.buyers_28d as product_buyers_28d,
        products.return_share_28d as product_return_share,
        products.units_7d * 4.0 / nullif(products.units_28d, 0) as product_trend,
        1 - products.last_price / nullif(products.list_price, 0) as product_discount_now,
        products.mailer_stores_7d as product_mailer_stores,
        products.display_stores_7d as product_display_stores,
        users.recency_days as user_recency_days,
        users.visit_days_28d as user_visit_days_28d,
        users.lines_112d as user_lines_112d,
        users.lines_112d / nullif(cast(users.orders_112d as double), 0) as user_lines_per_order
    from candidates
    inner join users on candidates.as_of_date = users.as_of_date and candidates.user_id = users.user_id
    inner join products on candidates.as_of_date = products.as_of_date and candidates.product_id = products.product_id
    inner join most_bought on candidates.as_of_date = most_bought.as_of_date
    left join habits on candidates.as_of_date = habits.as_of_date and candidates.user_id = habits.user_id
    left join product_history
        on
            candidates.as_of_date = product_history.as_of_date
            and candidates.user_id = product_history.user_id
            and candidates.product_id = product_history.product_id
    left join category_history
        on
            candidates.as_of_date = category_history.as_of_date
            and candidates.user_id = category_history.user_id
            and products.category = category_history.category
    left join subcategory_history
        on
            candidates.as_of_date = subcategory_history.as_of_date
            and candidates.user_id = subcategory_history.user_id
            and products.subcategory = subcategory_history.subcategory
    left join category_history as kind_as_category
        on
            products.subcategory is null
            and candidates.as_of_date = kind_as_category.as_of_date
            and candidates.user_id = kind_as_category.user_id
            and products.category = kind_as_category.category
    left join brand_history
        on
            candidates.as_of_date = brand_history.as_of_date
            and candidates.user_id = brand_history.user_id
            and products.brand = brand_history.brand
    left join brand_shares
        on
            products.as_of_date = brand_shares.as_of_date
            and products.category = brand_shares.category
            and products.brand = brand_shares.brand

),

final as (

    select
        as_of_date,
        user_id,
        product_id,
        candidate_source,
        {{ float_vector(interest_features()) }} as features
    from named

)

select * from final
