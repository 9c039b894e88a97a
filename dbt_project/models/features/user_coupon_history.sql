-- what each receiver had bought of each coupon's products before the campaign; only pairs with a purchase
with receivers as (

    select
        as_of_date,
        campaign_id,
        user_id,
        looks_back_from
    from {{ ref('campaign_receivers') }}

),

covered as (

    select
        coupons.campaign_id,
        coupons.coupon_id,
        products.product_id
    from {{ ref('stg_coupons') }} as coupons
    inner join {{ ref('stg_coupon_products') }} as products on coupons.coupon_id = products.coupon_id
    where coupons.campaign_id in (select receivers.campaign_id from receivers)

),

purchases as (

    select
        lines.user_id,
        lines.product_id,
        lines.ordered_on,
        sum(lines.quantity * lines.paid_price) as spend
    from {{ ref('stg_order_lines') }} as lines
    where
        lines.quantity > 0
        and lines.user_id in (select receivers.user_id from receivers)
        and lines.product_id in (select covered.product_id from covered)
    group by lines.user_id, lines.product_id, lines.ordered_on

),

-- by campaign first: receivers × coupons × products would be far more rows than purchases are
purchases_before as (

    select
        receivers.as_of_date,
        receivers.campaign_id,
        receivers.user_id,
        purchases.product_id,
        purchases.ordered_on,
        purchases.spend,
        coalesce(uses.money, 0) as coupon_money,
        {{ days_between('purchases.ordered_on', 'receivers.looks_back_from') }} as days_ago
    from purchases
    inner join receivers on purchases.user_id = receivers.user_id and purchases.ordered_on < receivers.looks_back_from
    left join {{ ref('coupon_uses') }} as uses
        on
            purchases.user_id = uses.user_id
            and purchases.product_id = uses.product_id
            and purchases.ordered_on = uses.used_on

),

final as (

    select
        bought.as_of_date,
        bought.campaign_id,
        covered.coupon_id,
        bought.user_id,
        cast(count(distinct bought.product_id) as integer) as products,
        cast(count(distinct bought.ordered_on) as integer) as purchase_days,
        cast(count(distinct case when bought.days_ago <= 84 then bought.ordered_on end) as integer) as purchase_days_84d,
        cast(min(bought.days_ago) as integer) as recency_days,
        cast(sum(bought.spend) as double) as spend,
        {{ exact_sum('bought.coupon_money') }} as coupon_money
    from purchases_before as bought
    inner join covered on bought.campaign_id = covered.campaign_id and bought.product_id = covered.product_id
    group by bought.as_of_date, bought.campaign_id, covered.coupon_id, bought.user_id

)

select * from final
