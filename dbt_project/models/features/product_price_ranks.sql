-- where each product's list price stands among those of its category, from the purchases of the last behaviour_days days
with {{ behaviour_lines('stg_closed_order_lines') }},

prices as (

    select
        as_of_date,
        product_id,
        category,
        {{ exact_avg('list_price') }} as list_price
    from lines
    where list_price > 0
    group by as_of_date, product_id, category

),

final as (

    select
        as_of_date,
        product_id,
        category,
        list_price,
        percent_rank() over (partition by as_of_date, category order by list_price) as price_rank
    from prices

)

select * from final
