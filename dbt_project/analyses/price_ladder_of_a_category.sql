-- What do the products of a category cost, from list price down to the lowest price anyone sees, and where does the floor lie?
-- Write the category in `asked`; as it stands it asks about the one with most personal prices.
with asked as (

    select category
    from {{ ref('dynamic_prices') }}
    group by category
    order by count(*) filter (where is_personalised) desc, category
    limit 1

),

prices as (

    select
        prices.category,
        prices.product_id,
        min(prices.list_price) as list_price,
        min(prices.non_personal_price) as non_personal_price,
        max(prices.personal_price) as highest_personal_price,
        cast(median(prices.personal_price) as decimal(18, 2)) as median_personal_price,
        min(prices.personal_price) as lowest_personal_price,
        min(prices.price_floor) as price_floor,
        min(prices.prior_price) as prior_price,
        max(prices.announced_discount_percent) as announced_discount_percent,
        count(*) as users
    from {{ ref('dynamic_prices') }} as prices
    inner join asked on prices.category = asked.category
    group by prices.category, prices.product_id

),

final as (

    select
        prices.category,
        prices.product_id,
        products.product_name,
        prices.list_price,
        prices.non_personal_price,
        prices.highest_personal_price,
        prices.median_personal_price,
        prices.lowest_personal_price,
        round(prices.price_floor, 2) as price_floor,
        prices.prior_price,
        prices.announced_discount_percent,
        prices.users
    from prices
    left join {{ ref('recommendable_products') }} as products on prices.product_id = products.product_id

)

select * from final
order by list_price desc, product_id
