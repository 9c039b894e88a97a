-- the lowest price of each product on each day: the shop's own price history of it, else the lowest price paid
with recorded as (

    select
        product_id,
        as_of_date as price_date,
        price as lowest_price
    from {{ ref('stg_price_history') }}

),

paid as (

    select
        product_id,
        ordered_on as price_date,
        min(paid_price) as lowest_price
    from {{ ref('stg_closed_order_lines') }}
    where
        quantity > 0
        and paid_price > 0
    group by product_id, ordered_on

),

final as (

    select * from recorded
    union all
    select * from paid
    where product_id not in (select recorded.product_id from recorded)

)

select * from final
