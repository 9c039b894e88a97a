-- categories liked by the same users: the twenty nearest to each of the most bought ones, by cosine of what exceeds expectation
{% set neighbours = 20 %}
{% set most_users = 10000 %}
with users as (

    -- a sample of users by their hash stands for all of a large shop
    select
        as_of_date,
        user_id
    from {{ ref('closed_category_purchases') }}
    where affinity_long > 0
    group by as_of_date, user_id
    qualify row_number() over (partition by as_of_date order by md5(user_id), user_id) between 1 and {{ most_users }}

),

likings as (

    select
        purchases.as_of_date,
        purchases.user_id,
        purchases.category,
        {{ liking('purchases.affinity_long') }} as liking,
        sum({{ liking('purchases.affinity_long') }}) over (partition by purchases.as_of_date, purchases.user_id) as user_liking
    from {{ ref('closed_category_purchases') }} as purchases
    inner join users on purchases.as_of_date = users.as_of_date and purchases.user_id = users.user_id
    where purchases.affinity_long > 0

),

user_likings as (

    select distinct
        as_of_date,
        user_id,
        user_liking
    from likings

),

shop as (

    select
        as_of_date,
        cast(sum(user_liking) as double) as liking,
        cast(sum(user_liking * user_liking) as double) as squares
    from user_likings
    group by as_of_date

),

categories as (

    select
        as_of_date,
        category,
        cast(sum(liking) as double) as liking,
        cast(sum(liking * user_liking) as double) as times_users,
        cast(sum(liking * liking) as double) as squares
    from likings
    group by as_of_date, category

),

pairs as (

    select
        a.as_of_date,
        a.category,
        b.category as neighbour,
        cast(sum(a.liking * b.liking) as double) as products
    from likings as a
    inner join {{ ref('most_bought_categories') }} as most_bought
        on a.as_of_date = most_bought.as_of_date and a.category = most_bought.category
    inner join likings as b
        on
            a.as_of_date = b.as_of_date
            and a.user_id = b.user_id
            and a.category <> b.category
    group by a.as_of_date, a.category, b.category

),

-- Who likes much likes everything more: what is expected of a user and a category is user's liking × category's share, and
-- likings are compared less that. The sums over users who never bought either follow from the totals, without their rows.
deviations as (

    select
        categories.as_of_date,
        categories.category,
        categories.liking,
        categories.times_users,
        categories.liking / shop.liking as liking_share,
        sqrt(
            greatest(
                categories.squares
                - 2 * categories.times_users * categories.liking / shop.liking
                + shop.squares * (categories.liking / shop.liking) * (categories.liking / shop.liking),
                0
            )
        ) as deviation,
        shop.liking as shop_liking,
        shop.squares as shop_squares
    from categories
    inner join shop on categories.as_of_date = shop.as_of_date

),

compared as (

    select
        pairs.as_of_date,
        pairs.category,
        pairs.neighbour,
        b.liking_share,
        round(
            (
                pairs.products
                - (a.times_users * b.liking + b.times_users * a.liking) / a.shop_liking
                + a.shop_squares * a.liking_share * b.liking_share
            ) / nullif(a.deviation * b.deviation, 0),
            6
        ) as similarity
    from pairs
    inner join deviations as a on pairs.as_of_date = a.as_of_date and pairs.category = a.category
    inner join deviations as b on pairs.as_of_date = b.as_of_date and pairs.neighbour = b.category

),

final as (

    select
        as_of_date,
        category,
        neighbour,
        similarity,
        liking_share
    from compared
    where similarity > 0
    qualify
        row_number() over (partition by as_of_date, category order by similarity desc, neighbour)
        between 1 and {{ neighbours }}

)

select * from final
