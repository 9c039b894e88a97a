-- recommended products that are withdrawn, not to be promoted, sold out, free or not launched yet
{{ config(meta={'by_user': true}) }}
with final as (

    select
        shown.user_id,
        shown.product_id,
        terms.is_promotable,
        listed.is_active,
        features.stock_on_hand,
        features.list_price,
        features.days_since_launch
    from {{ ref('recommendations') }} as shown
    inner join {{ ref('stg_products') }} as listed on shown.product_id = listed.product_id
    inner join {{ ref('product_policy') }} as terms on shown.product_id = terms.product_id
    inner join {{ ref('product_features') }} as features
        on shown.as_of_date = features.as_of_date and shown.product_id = features.product_id
    where
        not terms.is_promotable
        or not listed.is_active
        or features.stock_on_hand <= 0
        or features.list_price <= 0
        or features.days_since_launch < 0

)

select * from final
