-- the products a user may be shown: scored candidates, and the best sellers for who refused personalisation
-- A table: the best sellers are found once, not for every lookup.
{{ config(materialized='table') }}

{% set best_sellers = 20 %}
with scored as (

    select
        user_id,
        product_id,
        interest,
        max(interest) over (partition by user_id) as max_interest
    from {{ ref('interest_scores') }}

),

best_sellers as (

    select
        features.as_of_date,
        features.product_id
    from {{ ref('product_features') }} as features
    inner join {{ ref('product_policy') }} as policy on features.product_id = policy.product_id
    inner join {{ ref('stg_products') }} as products on features.product_id = products.product_id
    where
        policy.is_promotable
        and products.is_active
        and coalesce(features.list_price, 1) > 0  -- a product without a price can be shown, a free one is no offer
    qualify
        row_number() over (
            partition by features.as_of_date
            order by features.buyers_28d desc, features.views_28d desc, features.product_id
        ) between 1 and {{ best_sellers }}

),

final as (

    select
        permissions.as_of_date,
        scored.user_id,
        scored.product_id,
        true as is_personal,
        scored.interest,
        scored.max_interest
    from scored
    inner join {{ ref('user_permissions') }} as permissions on scored.user_id = permissions.user_id
    where permissions.personalisation_consent

    union all

    select
        permissions.as_of_date,
        permissions.user_id,
        best_sellers.product_id,
        false as is_personal,
        cast(null as float) as interest,
        cast(null as float) as max_interest
    from {{ ref('user_permissions') }} as permissions
    inner join best_sellers on permissions.as_of_date = best_sellers.as_of_date
    where not permissions.personalisation_consent

)

select * from final
-- a user's rows lie together, so that a lookup reads them alone
order by user_id, product_id
