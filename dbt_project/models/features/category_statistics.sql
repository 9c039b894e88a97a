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
        cast(items.active_users as bigint) as active_users,
        cast(items.buyers as bigint) as buyers,
        cast(items.buyers_7d as bigint) as buyers_7d,
        cast(items.buyers_28d as bigint) as buyers_28d,
        cast(items.earlier_buyers as bigint) as earlier_buyers,
        cast(items.returned_buyers as bigint) as returned_buyers,
        cast(coalesce(items.purchase_days, 0) as bigint) as purchase_days,
        cast(coalesce(items.gap_days, 0) as bigint) as gap_days,
        shares.liking_share
    from items
    left join shares on items.as_of_date = shares.as_of_date and items.category = shares.category

)

select * from final
