-- the products worth scoring for a user: own history, neighbours of it, the best of favourite categories, what sells
{% set sources = ['own', 'neighbour', 'category', 'popular'] %}
{% set best_sellers = 50 %}
with products as (

    select
        features.as_of_date,
        features.product_id,
        features.category,
        features.buyers_28d,
        features.buyers_112d,
        features.views_28d + features.carts_28d as interactions_28d
    from {{ ref('product_features') }} as features
    inner join {{ ref('product_policy') }} as policy on features.product_id = policy.product_id
    inner join {{ ref('stg_products') }} as listed on features.product_id = listed.product_id
    where
        {{ is_ranked('policy', 'listed') }}
        and coalesce(features.list_price, 1) > 0  -- a product without a price can be shown, a free one is no offer

),

-- how long the lists are that the policy's number of candidates is chosen from
lengths as (

    select
        -floor(-{{ policy_value('max_candidates_per_user') }} / 2.0) as own,
        greatest(3, -floor(-{{ policy_value('max_candidates_per_user') }} / 20.0)) as of_category

),

ranked_own as (

    select
        history.as_of_date,
        history.user_id,
        history.product_id,
        history.affinity as score,
        row_number() over (
            partition by history.as_of_date, history.user_id order by history.affinity desc, history.product_id
        ) as place
    from {{ ref('user_product_history') }} as history
    inner join products on history.as_of_date = products.as_of_date and history.product_id = products.product_id
    where history.affinity > 0

),

own as (

    select
        ranked_own.as_of_date,
        ranked_own.user_id,
        ranked_own.product_id,
        ranked_own.score,
        ranked_own.place
    from ranked_own
    cross join lengths
    where ranked_own.place <= lengths.own

),

neighbour_sums as (

    select
        own.as_of_date,
        own.user_id,
        neighbours.neighbour_id as product_id,
        {{ exact_sum('own.score * neighbours.similarity') }} as score
    from own
    inner join {{ ref('product_neighbours') }} as neighbours
        on own.as_of_date = neighbours.as_of_date and own.product_id = neighbours.product_id
    inner join products on neighbours.as_of_date = products.as_of_date and neighbours.neighbour_id = products.product_id
    group by own.as_of_date, own.user_id, neighbours.neighbour_id

),

neighbour as (

    select
        *,
        row_number() over (partition by as_of_date, user_id order by score desc, product_id) as place
    from neighbour_sums

),

favourite_categories as (

    select
        as_of_date,
        user_id,
        category,
        affinity_share
    from {{ ref('user_category_history') }}
    qualify row_number() over (partition by as_of_date, user_id order by affinity_share desc, category) between 1 and 12

),

best_of_category as (

    select
        as_of_date,
        product_id,
        category,
        row_number() over (
            partition by as_of_date, category
            order by buyers_28d desc, buyers_112d desc, interactions_28d desc, product_id
        ) as place
    from products
    where buyers_112d + interactions_28d > 0

),

category_shares as (

    select
        favourites.as_of_date,
        favourites.user_id,
        best.product_id,
        favourites.affinity_share / best.place as score
    from favourite_categories as favourites
    inner join best_of_category as best
        on favourites.as_of_date = best.as_of_date and favourites.category = best.category
    cross join lengths
    where best.place <= lengths.of_category

),

category as (

    select
        *,
        row_number() over (partition by as_of_date, user_id order by score desc, product_id) as place
    from category_shares

),

best_sellers as (

    select
        as_of_date,
        product_id,
        buyers_28d + 0.01 * interactions_28d as score
    from products
    where buyers_28d + interactions_28d > 0
    qualify
        row_number() over (partition by as_of_date order by buyers_28d desc, interactions_28d desc, product_id)
        between 1 and {{ best_sellers }}

),

-- the same list for everybody
ranked_sellers as (

    select
        *,
        row_number() over (partition by as_of_date order by score desc, product_id) as place
    from best_sellers

),

popular as (

    select
        sellers.as_of_date,
        users.user_id,
        sellers.product_id,
        sellers.score,
        sellers.place
    from {{ ref('known_users') }} as users
    inner join ranked_sellers as sellers on users.as_of_date = sellers.as_of_date

),

proposed as (

    {% for source in sources -%}
    select
        as_of_date,
        user_id,
        product_id,
        '{{ source }}' as source,
        {{ loop.index }} as source_order,
        score,
        place
    from {{ source }}
    {{ "union all" if not loop.last }}
    {% endfor %}

),

-- reciprocal rank fusion (Cormack, Clarke and Büttcher 2009) merges lists whose scores can't be compared
merged as (

    select
        as_of_date,
        user_id,
        product_id,
        min_by(source, source_order) as source,
        max(case when source = 'neighbour' then score end) as neighbour_score,
        {{ exact_sum("case when source = 'own' then 3.0 else 1.0 end / (20 + place)") }} as fused_score
    from proposed
    group by as_of_date, user_id, product_id

),

ranked as (

    select
        *,
        row_number() over (partition by as_of_date, user_id order by fused_score desc, product_id) as candidate_rank
    from merged

),

final as (

    select
        as_of_date,
        user_id,
        product_id,
        source as candidate_source,
        cast(neighbour_score as double) as neighbour_score,
        cast(candidate_rank as integer) as candidate_rank
    from ranked
    where candidate_rank <= {{ policy_value('max_candidates_per_user') }}

)

select * from final
