-- users without recommendations though the shop sells something, and users whose ranks leave one out
with users as (

    select
        segments.user_id,
        count(shown.user_id) as recommendations,
        coalesce(max(shown.recommendation_rank), 0) as last_rank
    from {{ ref('user_segments') }} as segments
    left join {{ ref('recommendations') }} as shown on segments.user_id = shown.user_id
    group by segments.user_id

),

final as (

    select *
    from users
    where
        recommendations <> last_rank
        or (
            recommendations = 0
            and exists(select 1 from {{ ref('recommendable_products') }} as products where products.buyers_28d > 0)
        )

)

select * from final
