-- each subcategory as all users treat it, before the as-of date, and its place among the best sellers
with history as (

    select * from {{ ref('closed_subcategory_history') }}

),

{{ item_statistics('subcategory') }},

parents as (

    -- the category of most of its products that may be recommended
    select
        products.subcategory,
        products.category
    from {{ ref('stg_products') }} as products
    inner join {{ ref('product_policy') }} as policy on products.product_id = policy.product_id
    where
        products.subcategory is not null
        and {{ is_ranked('policy', 'products') }}
    group by products.subcategory, products.category
    qualify
        row_number() over (partition by products.subcategory order by count(*) desc, products.category)
        between 1 and 1

),

best_sellers as (

    select
        items.as_of_date,
        items.subcategory,
        parents.category,
        row_number() over (
            partition by items.as_of_date
            order by items.buyers_28d desc, items.users desc, items.subcategory
        ) as best_seller_rank
    from items
    inner join parents on items.subcategory = parents.subcategory

),

final as (

    select
        items.as_of_date,
        items.subcategory,
        best_sellers.category,
        cast(best_sellers.best_seller_rank as integer) as best_seller_rank,
        items.active_users,
        items.users,
        items.buyers,
        items.buyers_7d,
        items.buyers_28d,
        items.buyers_84d,
        items.earlier_buyers,
        items.returned_buyers,
        items.purchase_days,
        items.purchase_days_28d,
        items.purchase_days_84d,
        items.gap_days
    from items
    left join best_sellers on items.as_of_date = best_sellers.as_of_date and items.subcategory = best_sellers.subcategory

)

select * from final
