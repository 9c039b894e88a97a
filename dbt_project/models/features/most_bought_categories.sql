-- the hundred categories with the most purchases before the as-of date
{% set most_categories = 100 %}
with ranked_categories as (

    select distinct products.category
    from {{ ref('stg_products') }} as products
    inner join {{ ref('product_policy') }} as policy on products.product_id = policy.product_id
    where {{ is_ranked('policy', 'products') }}

),

counted as (

    select
        purchases.as_of_date,
        purchases.category,
        sum(purchases.purchase_days) as purchase_days,
        row_number() over (
            partition by purchases.as_of_date
            order by sum(purchases.purchase_days) desc, purchases.category
        ) as category_rank
    from {{ ref('closed_category_purchases') }} as purchases
    inner join ranked_categories on purchases.category = ranked_categories.category
    where purchases.purchase_days > 0
    group by purchases.as_of_date, purchases.category

),

final as (

    select
        as_of_date,
        category,
        cast(category_rank as integer) as category_rank,
        cast(purchase_days as bigint) as purchase_days
    from counted
    where category_rank <= {{ most_categories }}

)

select * from final
