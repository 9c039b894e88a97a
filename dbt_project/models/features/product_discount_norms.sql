-- how deep all users' purchases of a product were discounted, before the as-of date
with {{ discount_depths(discount_use_days()) }},

{{ discount_norms() }},

final as (

    select
        as_of_date,
        product_id,
        cast(purchases as bigint) as purchases,
        cast(reduced as bigint) as reduced,
        depth,
        squared_depth
    from everyone

)

select * from final
