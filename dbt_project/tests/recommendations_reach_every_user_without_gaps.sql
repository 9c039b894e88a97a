-- users without recommendations though the shop sells something, and users whose ranks leave one out
{{ config(meta={'by_user': true}) }}
with users as (

    select
        segments.user_id,
        count(shown.user_id) as recommendations,
        coalesce(max(shown.recommendation_rank), 0) as last_rank
    from {{ ref('user_segments') }} as segments
    left join {{ ref('recommendations') }} as shown on segments.user_id = shown.user_id
    group by segments.user_id

),

shop as (

    select count(*) as products_sold
    from {{ ref('recommendable_products') }}
    where buyers_28d > 0

),

final as (

    select users.*
    from users
    cross join shop
    where
        users.recommendations <> users.last_rank
        or (users.recommendations = 0 and shop.products_sold > 0)

)

select * from final
