-- one row a user, subcategory worth scoring and as-of date: what the subcategory interest model sees
with lengths as (

    select
        {{ policy_value('max_subcategories_per_user') }} - floor({{ policy_value('max_subcategories_per_user') }} / 5.0) as own,
        floor({{ policy_value('max_subcategories_per_user') }} / 5.0) as popular

),

parents as (

    -- a subcategory's parent is the category of most of its products
    select
        products.subcategory,
        products.category as parent
    from {{ ref('stg_products') }} as products
    inner join {{ ref('product_policy') }} as policy on products.product_id = policy.product_id
    where
        products.subcategory is not null
        and {{ is_ranked('policy', 'products') }}
    group by products.subcategory, products.category
    qualify
        row_number() over (partition by products.subcategory order by count(*) desc, products.category)
        between 1 and 1

),

own as (

    select
        history.as_of_date,
        history.user_id,
        history.subcategory,
        row_number() over (
            partition by history.as_of_date, history.user_id
            order by history.affinity desc, history.subcategory
        ) as place
    from {{ ref('user_subcategory_history') }} as history
    inner join parents on history.subcategory = parents.subcategory

),

best_sellers as (

    select
        history.as_of_date,
        history.subcategory,
        row_number() over (
            partition by history.as_of_date
            order by sum(case when history.recency_days <= 28 then 1 else 0 end) desc, count(*) desc, history.subcategory
        ) as place
    from {{ ref('user_subcategory_history') }} as history
    inner join parents on history.subcategory = parents.subcategory
    group by history.as_of_date, history.subcategory

),

candidates as (

    select
        own.as_of_date,
        own.user_id,
        own.subcategory
    from own
    cross join lengths
    where own.place <= lengths.own

    union distinct

    select
        best_sellers.as_of_date,
        users.user_id,
        best_sellers.subcategory
    from {{ ref('stg_users') }} as users
    cross join best_sellers
    cross join lengths
    where best_sellers.place <= lengths.popular

),

{{ history_features('subcategory', 'user_subcategory_history', 'parents') }},

final as (

    select
        as_of_date,
        user_id,
        subcategory,
        {{ float_vector(var('subcategory_interest_features')) }} as features
    from named

)

select * from final
