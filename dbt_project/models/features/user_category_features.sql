-- one row a user who has bought, category among the most bought, and as-of date: what the category interest model sees
with policy as (

    select {{ policy_value('max_categories_per_user') }} as max_categories

),

-- where the policy asks for fewer: the user's own first, then what most users buy
ranked as (

    select
        buyers.as_of_date,
        buyers.user_id,
        most_bought.category,
        row_number() over (
            partition by buyers.as_of_date, buyers.user_id
            order by coalesce(own.affinity, 0) desc, most_bought.category_rank
        ) as place
    from {{ ref('user_features') }} as buyers
    inner join {{ ref('most_bought_categories') }} as most_bought on buyers.as_of_date = most_bought.as_of_date
    cross join policy
    left join {{ ref('user_category_purchases') }} as own
        on
            buyers.as_of_date = own.as_of_date
            and buyers.user_id = own.user_id
            and most_bought.category = own.category
    where
        buyers.recency_days is not null
        and (most_bought.category_rank <= policy.max_categories or own.user_id is not null)

),

candidates as (

    select
        ranked.as_of_date,
        ranked.user_id,
        ranked.category
    from ranked
    cross join policy
    where ranked.place <= policy.max_categories

),

{{ history_features('category', 'user_category_purchases', 'category_statistics') }},

likings as (

    select
        as_of_date,
        user_id,
        category,
        {{ liking('affinity_long') }} as liking
    from history
    where affinity_long > 0

),

user_likings as (

    select
        as_of_date,
        user_id,
        cast(sum(liking) as double) as liking
    from likings
    group by as_of_date, user_id

),

neighbours as (

    select * from {{ ref('category_neighbours') }}

),

-- what users like of a category's neighbours, and the share of all liking that goes to these
neighbour_likings as (

    select
        likings.as_of_date,
        likings.user_id,
        neighbours.category,
        {{ exact_sum('neighbours.similarity * likings.liking') }} as liking
    from likings
    inner join neighbours on likings.as_of_date = neighbours.as_of_date and likings.category = neighbours.neighbour
    group by likings.as_of_date, likings.user_id, neighbours.category

),

neighbour_shares as (

    select
        as_of_date,
        category,
        {{ exact_sum('similarity * liking_share') }} as liking_share
    from neighbours
    group by as_of_date, category

),

with_neighbours as (

    select
        named.*,
        coalesce(user_likings.liking * statistics.liking_share, 0) / 1000 as own_expected_liking,
        (
            coalesce(neighbour_likings.liking, 0)
            - coalesce(user_likings.liking * neighbour_shares.liking_share, 0)
        ) / 1000 as neighbour_liking
    from named
    left join user_likings on named.as_of_date = user_likings.as_of_date and named.user_id = user_likings.user_id
    left join {{ ref('category_statistics') }} as statistics
        on named.as_of_date = statistics.as_of_date and named.category = statistics.category
    left join neighbour_likings
        on
            named.as_of_date = neighbour_likings.as_of_date
            and named.user_id = neighbour_likings.user_id
            and named.category = neighbour_likings.category
    left join neighbour_shares
        on named.as_of_date = neighbour_shares.as_of_date and named.category = neighbour_shares.category

),

final as (

    select
        as_of_date,
        user_id,
        category,
        {{ float_vector(var('category_interest_features')) }} as features
    from with_neighbours

)

select * from final
