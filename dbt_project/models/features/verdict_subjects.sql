-- what each verdict on an offer was about: the categories of its products, a share of it each, and the promotion itself
{{ config(materialized='table') }}

with verdicts as (

    select * from {{ ref('offer_verdicts') }}

),

categories as (

    select distinct category
    from {{ ref('stg_products') }}
    where category is not null

),

covered as (

    select
        covered.coupon_id,
        products.category,
        count(*) as products
    from {{ ref('stg_coupon_products') }} as covered
    inner join {{ ref('stg_products') }} as products on covered.product_id = products.product_id
    where
        products.category is not null
        and covered.coupon_id in (select verdicts.promotion_id from verdicts)
    group by covered.coupon_id, products.category

),

subjects as (

    select
        verdicts.*,
        'category' as subject_kind,
        products.category as subject,
        1 as parts
    from verdicts
    inner join {{ ref('stg_products') }} as products on verdicts.product_id = products.product_id
    where products.category is not null

    union all

    select
        verdicts.*,
        'category' as subject_kind,
        covered.category as subject,
        covered.products as parts
    from verdicts
    inner join covered on verdicts.promotion_id = covered.coupon_id
    where verdicts.product_id is null

    union all

    select
        verdicts.*,
        'category' as subject_kind,
        categories.category as subject,
        1 as parts
    from verdicts
    inner join categories on {{ admits('verdicts.categories', 'categories.category') }}
    where
        verdicts.product_id is null
        and verdicts.categories is not null

    union all

    select
        verdicts.*,
        'promotion' as subject_kind,
        verdicts.promotion_id as subject,
        1 as parts
    from verdicts
    where verdicts.promotion_id is not null

),

final as (

    select
        user_id,
        offer_id,
        given_at,
        given_on,
        verdict,
        subject_kind,
        subject,
        parts / cast(sum(parts) over (partition by user_id, offer_id, given_at, subject_kind) as double) as subject_share
    from subjects

)

select * from final
