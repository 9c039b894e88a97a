-- for each user and coupon under consideration, the covered product the user is most interested in
{{ config(materialized='table') }}

with coupons as (

    select promotion_id
    from {{ ref('promotion_terms') }}
    where source = 'shop_coupon'

),

covered as (

    select
        coupons.promotion_id,
        products.product_id
    from coupons
    inner join {{ ref('stg_coupon_products') }} as products on coupons.promotion_id = products.coupon_id

),

final as (

    select
        scores.user_id,
        covered.promotion_id as coupon_id,
        scores.product_id as best_product_id,
        scores.interest
    from covered
    inner join {{ ref('interest_scores') }} as scores on covered.product_id = scores.product_id
    qualify
        row_number() over (
            partition by scores.user_id, covered.promotion_id
            order by scores.interest desc, scores.product_id
        ) between 1 and 1

)

select * from final
