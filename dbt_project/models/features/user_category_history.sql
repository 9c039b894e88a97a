-- what each user has done with each category before the as-of date
with history as (

    select
        history.as_of_date,
        history.user_id,
        products.category,
        history.purchase_days,
        history.recency_days,
        history.spend,
        history.views_28d,
        history.affinity
    from {{ ref('user_product_history') }} as history
    inner join {{ ref('stg_products') }} as products on history.product_id = products.product_id

),

by_category as (

    select
        as_of_date,
        user_id,
        category,
        sum(purchase_days) as purchase_days,
        min(recency_days) as recency_days,
        {{ exact_sum('spend') }} as spend,
        sum(views_28d) as views_28d,
        count(*) as products,
        {{ exact_sum('affinity') }} as affinity
    from history
    group by as_of_date, user_id, category

),

final as (

    select
        as_of_date,
        user_id,
        category,
        cast(purchase_days as integer) as purchase_days,
        cast(recency_days as integer) as recency_days,
        cast(spend as double) as spend,
        cast(views_28d as integer) as views_28d,
        cast(products as integer) as products,
        cast(affinity as double) as affinity,
        affinity / nullif({{ exact_sum('affinity', 'over (partition by as_of_date, user_id)') }}, 0) as affinity_share
    from by_category

)

select * from final
