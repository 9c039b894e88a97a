-- products tied to what a user looked at and has not bought since: looked at themselves, or bought together with that
{{ config(materialized='table') }}

with looked_at as (

    select
        history.as_of_date,
        history.user_id,
        history.product_id
    from {{ ref('user_product_history') }} as history
    inner join {{ ref('as_of_dates') }} as dates
        on history.as_of_date = dates.as_of_date and history.as_of_date = dates.data_until
    inner join {{ ref('user_permissions') }} as permissions
        on history.as_of_date = permissions.as_of_date and history.user_id = permissions.user_id
    where
        permissions.personalisation_consent
        and history.views_28d + history.carts_28d > 0
        -- days don't tell which came first, but who looks and buys on one day looks first
        and coalesce(history.recency_days > history.days_since_last_view, true)

),

ties as (

    select
        user_id,
        product_id,
        cast(1 as double) as relatedness
    from looked_at

    union all

    select
        looked_at.user_id,
        neighbours.neighbour_id as product_id,
        neighbours.similarity as relatedness
    from looked_at
    inner join {{ ref('product_neighbours') }} as neighbours
        on looked_at.as_of_date = neighbours.as_of_date and looked_at.product_id = neighbours.product_id

),

final as (

    select
        user_id,
        product_id,
        max(relatedness) as relatedness
    from ties
    group by user_id, product_id

)

select * from final
