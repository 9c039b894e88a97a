-- what users said of offers, with what each offer was: one on record, a coupon, a promotion of the catalogue, or a product shown
{{ config(materialized='table') }}

with feedback as (

    select
        user_id,
        offer_id,
        given_at,
        {{ local_date('given_at') }} as given_on,
        verdict
    from {{ ref('stg_offer_feedback') }}

),

-- offers of the day itself are made after this, and a day built again would find those it made before
made as (

    select
        offers.offer_id,
        offers.user_id,
        offers.promotion_id,
        offers.kind,
        offers.categories,
        offers.product_id
    from {{ earlier_offers() }} as offers
    where offers.as_of_date < (select max(dates.data_until) as day from {{ ref('as_of_dates') }} as dates)

),

known as (

    select
        feedback.*,
        case
            when made.offer_id is not null then 'offer'
            when coupons.coupon_id is not null then 'coupon'
            when catalogue.promotion_id is not null then 'catalogue'
            when products.product_id is not null then 'product'
            else 'unknown'
        end as offer_source,
        coalesce(made.promotion_id, coupons.coupon_id, catalogue.promotion_id) as promotion_id,
        coupons.coupon_id is not null as is_coupon,
        case when made.offer_id is not null then made.kind else coalesce(coupons.kind, catalogue.kind) end as kind,
        case when made.offer_id is not null then made.categories else catalogue.categories end as categories,
        case
            when made.offer_id is not null then made.product_id
            when coupons.coupon_id is null and catalogue.promotion_id is null then products.product_id
        end as product_id
    from feedback
    -- an offer is its user's: what somebody else says of it says nothing
    left join made on feedback.offer_id = made.offer_id and feedback.user_id = made.user_id
    left join {{ ref('stg_coupons') }} as coupons on coalesce(made.promotion_id, feedback.offer_id) = coupons.coupon_id
    left join {{ ref('promotion_catalogue') }} as catalogue on feedback.offer_id = catalogue.promotion_id
    left join {{ ref('stg_products') }} as products on feedback.offer_id = products.product_id

),

final as (

    select
        user_id,
        offer_id,
        given_at,
        given_on,
        verdict,
        offer_source,
        promotion_id,
        kind,
        categories,
        product_id,
        -- was the product chosen for the user, or one of many that a coupon is for?
        product_id is not null
        and (offer_source = 'product' or (not is_coupon and coalesce(kind in {{ product_kinds() }}, false))) as is_pick
    from known

)

select * from final
