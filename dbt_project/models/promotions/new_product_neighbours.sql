-- the products most like each new one: of its category, nearest by subcategory, brand and price; they lend it their interest
{{ config(materialized='table') }}

{% set neighbours = 10 %}
with products as (

    select
        as_of_date,
        product_id,
        category,
        subcategory,
        brand,
        price_percentile,
        buyers_28d,
        is_new
    from {{ ref('recommendable_products') }}

),

pairs as (

    select
        new.as_of_date,
        new.product_id,
        sold.product_id as neighbour_id,
        sold.buyers_28d,
        -- the weights add up to 1: the same subcategory and brand at the same price
        case when new.subcategory = sold.subcategory then 0.5 else 0 end
        + case when new.brand = sold.brand then 0.3 else 0 end
        + 0.2 * (1 - abs(new.price_percentile - sold.price_percentile)) as similarity
    from products as new
    inner join products as sold
        on new.category = sold.category
    where
        new.is_new
        and not sold.is_new
        and sold.buyers_28d > 0

),

final as (

    select
        as_of_date,
        product_id,
        neighbour_id,
        cast(similarity as double) as similarity
    from pairs
    qualify
        row_number() over (partition by product_id order by similarity desc, buyers_28d desc, neighbour_id)
        between 1 and {{ neighbours }}

)

select * from final
