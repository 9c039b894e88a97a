-- each category as all users treat it, before the as-of date
with history as (

    select * from {{ ref('closed_category_purchases') }}

),

{{ item_statistics('category') }},

likings as (

    select
        as_of_date,
        category,
        sum({{ liking('affinity_long') }}) as liking
    from history
    where affinity_long > 0
    group by as_of_date, category

),

shares as (

    select
        as_of_date,
        category,
        liking / nullif(cast(sum(liking) over (partition by as_of_date) as double), 0) as liking_share
    from likings

),

final as (

    select
        items.as_of_date,
        items.category,
        items.active_users,
        items.buyers,
        items.buyers_7d,
        items.buyers_28d,
        items.earlier_buyers,
        items.returned_buyers,
        items.purchase_days,
        items.gap_days,
        shares.liking_share
    from items
    left join shares on items.as_of_date = shares.as_of_date and items.category = shares.category

)

select * from final
