-- how much deeper discounted than others' were each user's purchases of the same products, before the as-of date
with lines as (

    select
        dates.as_of_date,
        lines.user_id,
        lines.product_id,
        products.category,
        lines.quantity,
        lines.paid_price,
        lines.list_price
    from {{ ref('stg_order_lines') }} as lines
    inner join {{ ref('stg_products') }} as products on lines.product_id = products.product_id
    inner join {{ ref('as_of_dates') }} as dates
        on
            lines.ordered_on < dates.as_of_date
            and lines.ordered_on >= {{ add_days('dates.as_of_date', -var('price_days')) }}
    where
        lines.quantity > 0
        and lines.list_price > 0

),

{{ discount_use() }},

final as (

    select * from discount_use

)

select * from final
