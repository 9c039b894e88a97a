-- how much deeper discounted than others' were each user's purchases of the same products, before the as-of date
with {{ discount_use(discount_use_days(), 'product_discount_norms') }},

final as (

    select * from discount_use

)

select * from final
