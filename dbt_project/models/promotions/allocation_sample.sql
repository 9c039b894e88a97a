-- the eligible pairs of the users on whom the prices of budgets are found: everyone, or about 30,000 of a large shop
{{ config(materialized='table') }}
{% set sampled_users = 30000 %}
with users as (

    select count(distinct user_id) as users
    from {{ ref('eligible_promotions') }}

),

final as (

    select
        pairs.user_id,
        pairs.promotion_id,
        pairs.budget_id,
        pairs.priority,
        pairs.choice_class,
        pairs.cost,
        pairs.expected_margin,
        pairs.offers_left
    from {{ ref('eligible_promotions') }} as pairs
    cross join users
    -- whole users, so that the sample's users choose as all users do
    where {{ hash_bucket("concat_ws('', 'allocation:', pairs.user_id)", 100000) }} * users.users < 100000.0 * {{ sampled_users }}

)

select * from final
