-- the products a user may be shown: scored candidates, or what stands in for a score that can't be had
-- A table in the order of users: a look-up of one user reads a few pages of it, whatever the size of the shop.
{{ config(materialized='table') }}

{% set best_sellers = 20 %}
with permissions as (

    select
        permissions.as_of_date,
        permissions.user_id,
        permissions.personalisation_consent
    from {{ ref('user_permissions') }} as permissions
    inner join {{ ref('as_of_dates') }} as dates
        on permissions.as_of_date = dates.as_of_date and permissions.as_of_date = dates.data_until

),

history as {{ inlined() }}(

    select
        history.user_id,
        history.product_id,
        history.purchase_days,
        history.recency_days,
        history.mean_gap_days
    from {{ ref('user_product_history') }} as history
    inner join {{ ref('as_of_dates') }} as dates
        on history.as_of_date = dates.as_of_date and history.as_of_date = dates.data_until

),

users_with_history as (

    select distinct user_id
    from history

),

peer_groups as (

    select distinct peer_group
    from {{ ref('peer_popularity') }}

),

-- who has done nothing yet is known by region alone; where nobody has bought of late, the model's guess stays
newcomers as (

    select
        permissions.user_id,
        coalesce(own.peer_group, shop.peer_group) as peer_group
    from permissions
    inner join {{ ref('stg_users') }} as users on permissions.user_id = users.user_id
    left join users_with_history as known on permissions.user_id = known.user_id
    inner join peer_groups as shop on shop.peer_group = '*'
    left join peer_groups as own on users.region = own.peer_group
    where
        permissions.personalisation_consent
        and known.user_id is null

),

scored as (

    select
        scores.user_id,
        scores.product_id,
        scores.interest,
        'model' as interest_source,
        sources.candidate_source
    from {{ ref('interest_scores') }} as scores
    inner join permissions on scores.user_id = permissions.user_id
    left join newcomers on scores.user_id = newcomers.user_id
    left join {{ ref('candidate_products') }} as sources
        on
            permissions.as_of_date = sources.as_of_date
            and scores.user_id = sources.user_id
            and scores.product_id = sources.product_id
    where
        permissions.personalisation_consent
        and newcomers.user_id is null

    union all

    select
        newcomers.user_id,
        peers.product_id,
        peers.peer_share as interest,
        'peers' as interest_source,
        'popular' as candidate_source
    from newcomers
    inner join {{ ref('peer_popularity') }} as peers on newcomers.peer_group = peers.peer_group

),

neighbours as (

    select
        product_id,
        neighbour_id,
        similarity,
        {{ exact_sum('similarity', 'over (partition by product_id)') }} as total_similarity
    from {{ ref('new_product_neighbours') }}

),

-- the mean interest in the products most like it; one the user was not scored for counts as none
borrowed as (

    select
        scored.user_id,
        neighbours.product_id,
        cast(
            {{ exact_sum('scored.interest * neighbours.similarity') }} / max(neighbours.total_similarity) as float
        ) as interest
    from neighbours
    inner join scored on neighbours.neighbour_id = scored.product_id
    group by scored.user_id, neighbours.product_id

),

-- one of a category; margin has no say here, it is weighed among the products whose interest is known better
best_of_category as (

    select
        borrowed.user_id,
        borrowed.product_id,
        borrowed.interest
    from borrowed
    inner join {{ ref('recommendable_products') }} as products on borrowed.product_id = products.product_id
    left join scored on borrowed.user_id = scored.user_id and borrowed.product_id = scored.product_id
    where
        scored.user_id is null
        and borrowed.interest > 0
    qualify
        row_number() over (
            partition by borrowed.user_id, products.category
            order by borrowed.interest desc, borrowed.product_id
        ) between 1 and 1

),

new_products as (

    select
        user_id,
        product_id,
        interest,
        row_number() over (partition by user_id order by interest desc, product_id) as new_product_place
    from best_of_category

),

personal as (

    select
        scored.*,
        cast(null as integer) as new_product_place
    from scored

    union all

    select
        user_id,
        product_id,
        interest,
        'similar_products' as interest_source,
        'new' as candidate_source,
        cast(new_product_place as integer) as new_product_place
    from new_products
    where new_product_place <= {{ policy_value('max_new_recommendations') }}

),

browsed_categories as (

    select
        categories.user_id,
        categories.category,
        categories.views_28d / cast(sum(categories.views_28d) over (partition by categories.user_id) as double) as share
    from {{ ref('user_category_history') }} as categories
    inner join {{ ref('as_of_dates') }} as dates
        on categories.as_of_date = dates.as_of_date and categories.as_of_date = dates.data_until
    where categories.views_28d > 0

),

best_sellers as (

    select product_id
    from {{ ref('recommendable_products') }}
    qualify row_number() over (order by buyers_28d desc, views_28d desc, product_id) between 1 and {{ best_sellers }}

),

final as (

    select
        permissions.as_of_date,
        personal.user_id,
        personal.product_id,
        true as is_personal,
        personal.interest,
        -- of a newcomer only the region is known, which may say what to show and not what to ask for it
        case
            when not bool_or(personal.interest_source = 'peers') over (partition by personal.user_id)
                then max(personal.interest) over (partition by personal.user_id)
        end as max_interest,
        personal.interest_source,
        personal.candidate_source,
        personal.new_product_place,
        coalesce(history.purchase_days, 0) as own_purchase_days,
        history.recency_days as own_recency_days,
        history.mean_gap_days as own_mean_gap_days,
        -- half of the category's share of what the user looked at, if the product itself is no nearer
        cast(greatest(coalesce(browsed.relatedness, 0), 0.5 * coalesce(browsed_categories.share, 0)) as double) as relatedness,
        -- how far interest moves the user's prices; a null means nothing is known of the user's discount use: neutral
        cast(least(
            {{ policy_value('sensitivity_cap') }},
            greatest({{ policy_value('sensitivity_floor') }}, coalesce(users.relative_discount_use, 1.0))
        ) as double) as price_sensitivity
    from personal
    inner join permissions on personal.user_id = permissions.user_id
    inner join {{ ref('user_features') }} as users
        on permissions.as_of_date = users.as_of_date and personal.user_id = users.user_id
    inner join {{ ref('stg_products') }} as products on personal.product_id = products.product_id
    left join history on personal.user_id = history.user_id and personal.product_id = history.product_id
    left join {{ ref('browsed_products') }} as browsed
        on personal.user_id = browsed.user_id and personal.product_id = browsed.product_id
    left join browsed_categories
        on personal.user_id = browsed_categories.user_id and products.category = browsed_categories.category

    union all

    select
        permissions.as_of_date,
        permissions.user_id,
        best_sellers.product_id,
        false as is_personal,
        cast(null as float) as interest,
        cast(null as float) as max_interest,
        cast(null as string) as interest_source,
        'popular' as candidate_source,
        cast(null as integer) as new_product_place,
        0 as own_purchase_days,
        cast(null as integer) as own_recency_days,
        cast(null as double) as own_mean_gap_days,
        cast(0 as double) as relatedness,
        cast(1 as double) as price_sensitivity
    from permissions
    cross join best_sellers
    where not permissions.personalisation_consent

)

select * from final
order by user_id, product_id
