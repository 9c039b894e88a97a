-- for each user and coupon under consideration, the covered product the user is most interested in: on sale today, and not hidden
{{ config(materialized='table') }}

with coupons as (

    select
        as_of_date,
        promotion_id
    from {{ ref('promotion_terms') }}
    where source = 'shop_coupon'

),

covered as (

    select
        coupons.as_of_date,
        coupons.promotion_id,
        products.product_id
    from coupons
    inner join {{ ref('stg_coupon_products') }} as products on coupons.promotion_id = products.coupon_id
    -- nobody can use a coupon for what is out of stock or not launched yet
    inner join {{ ref('recommendable_products') }} as available on products.product_id = available.product_id

),

final as (

    select
        scores.user_id,
        covered.promotion_id as coupon_id,
        scores.product_id as best_product_id,
        scores.interest
    from covered
    inner join {{ ref('interest_scores') }} as scores on covered.product_id = scores.product_id
    left join {{ ref('user_hidden_items') }} as hidden
        on
            covered.as_of_date = hidden.as_of_date
            and scores.user_id = hidden.user_id
            and hidden.item_kind = 'product'
            and scores.product_id = hidden.item_id
    where hidden.item_id is null
    qualify
        row_number() over (
            partition by scores.user_id, covered.promotion_id
            order by scores.interest desc, scores.product_id
        ) between 1 and 1

)

select * from final
