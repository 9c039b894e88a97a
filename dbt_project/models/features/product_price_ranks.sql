-- where each product's list price stands among those of its category, from the purchases of the last behaviour_days days
with prices as (

    select
        dates.as_of_date,
        lines.product_id,
        coalesce(products.category, 'unknown') as category,
        {{ exact_avg('lines.list_price') }} as list_price
    from {{ ref('stg_order_lines') }} as lines
    inner join {{ ref('as_of_dates') }} as dates
        on
            lines.ordered_on < dates.as_of_date
            and lines.ordered_on >= {{ add_days('dates.as_of_date', -var('behaviour_days')) }}
    left join {{ ref('stg_products') }} as products on lines.product_id = products.product_id
    where
        lines.quantity > 0
        and lines.list_price > 0
    group by dates.as_of_date, lines.product_id, coalesce(products.category, 'unknown')

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
