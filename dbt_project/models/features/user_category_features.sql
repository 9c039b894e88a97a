-- one row a user who has bought, category among the most bought, and as-of date: what the category interest model sees
{% set most_categories = 100 %}
with ranked_categories as (

    select distinct products.category
    from {{ ref('stg_products') }} as products
    inner join {{ ref('product_policy') }} as policy on products.product_id = policy.product_id
    where {{ is_ranked('policy', 'products') }}

),

most_bought as (

    select
        purchases.as_of_date,
        purchases.category
    from {{ ref('user_category_purchases') }} as purchases
    inner join ranked_categories on purchases.category = ranked_categories.category
    where purchases.purchase_days > 0
    group by purchases.as_of_date, purchases.category
    qualify
        row_number() over (partition by purchases.as_of_date order by count(*) desc, purchases.category)
        between 1 and {{ most_categories }}

),

candidates as (

    select
        buyers.as_of_date,
        buyers.user_id,
        most_bought.category
    from {{ ref('user_features') }} as buyers
    inner join most_bought on buyers.as_of_date = most_bought.as_of_date
    where buyers.recency_days is not null

),

{{ history_features('category', 'user_category_purchases') }},

final as (

    select
        as_of_date,
        user_id,
        category,
        {{ float_vector(var('category_interest_features')) }} as features
    from named

)

select * from final
