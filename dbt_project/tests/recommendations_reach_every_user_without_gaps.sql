-- users without recommendations though something could be shown to them, and users whose ranks leave one out
-- Who has just bought, or hides, all that could be shown is shown nothing, and everybody where the policy shows nothing.
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

-- of those who are shown nothing: is one of their candidates neither bought nor hidden?
candidates as (

    select
        users.user_id,
        bool_or(considered.own_recency_days is null and hidden.item_id is null) as is_one_open
    from users
    inner join {{ ref('considered_products') }} as considered on users.user_id = considered.user_id
    inner join {{ ref('recommendable_products') }} as products on considered.product_id = products.product_id
    left join {{ ref('user_hidden_items') }} as hidden
        on
            considered.as_of_date = hidden.as_of_date
            and considered.user_id = hidden.user_id
            and hidden.item_kind = 'product'
            and considered.product_id = hidden.item_id
    where users.recommendations = 0
    group by users.user_id

),

final as (

    select users.*
    from users
    cross join shop
    left join candidates on users.user_id = candidates.user_id
    where
        users.recommendations <> users.last_rank
        or (
            users.recommendations = 0
            and shop.products_sold > 0
            and {{ policy_value('max_recommendations_per_user') }} >= 1
            and coalesce(candidates.is_one_open, true)
        )

)

select * from final
