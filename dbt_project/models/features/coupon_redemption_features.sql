-- one row a receiver and coupon of a campaign under consideration: what the coupon model sees, all of it from before the campaign
-- Of campaigns without recorded sends only pairs with a purchase are kept, so that users × coupons stay bounded.
with campaign_features as (

    select * from {{ ref('campaign_redemption_features') }}

),

coupons as (

    select * from {{ ref('coupon_statistics') }}

),

products as (

    select
        product_id,
        coalesce(subcategory, category) as subcategory
    from {{ ref('stg_products') }}

),

-- what each receiver bought of the subcategories that coupons cover
subcategories as (

    select distinct
        coupons.as_of_date,
        coupons.campaign_id,
        coupons.coupon_id,
        products.subcategory
    from coupons
    inner join {{ ref('stg_coupon_products') }} as covered on coupons.coupon_id = covered.coupon_id
    inner join products on covered.product_id = products.product_id

),

lookers as (

    select distinct
        user_id,
        looks_back_from
    from campaign_features

),

purchases as (

    select
        lines.user_id,
        products.subcategory,
        lines.ordered_on,
        max(case when uses.user_id is not null then 1 else 0 end) as with_coupon
    from {{ ref('stg_order_lines') }} as lines
    inner join products on lines.product_id = products.product_id
    left join {{ ref('coupon_uses') }} as uses
        on lines.user_id = uses.user_id and lines.product_id = uses.product_id and lines.ordered_on = uses.used_on
    where
        lines.quantity > 0
        and products.subcategory in (select subcategories.subcategory from subcategories)
        and lines.user_id in (select lookers.user_id from lookers)
    group by lines.user_id, products.subcategory, lines.ordered_on

),

user_subcategories as (

    select
        lookers.looks_back_from,
        lookers.user_id,
        purchases.subcategory,
        count(*) as days,
        sum(purchases.with_coupon) as coupon_days,
        min({{ days_between('purchases.ordered_on', 'lookers.looks_back_from') }}) as recency_days,
        sum(case
            when {{ days_between('purchases.ordered_on', 'lookers.looks_back_from') }} <= 84 then 1 else 0
        end) as days_84d,
        {{ exact_sum("exp(-" ~ days_between('purchases.ordered_on', 'lookers.looks_back_from') ~ " / 60.0)") }} as affinity
    from lookers
    inner join purchases on lookers.user_id = purchases.user_id and lookers.looks_back_from > purchases.ordered_on
    group by lookers.looks_back_from, lookers.user_id, purchases.subcategory

),

user_kinds as (

    select
        receivers.as_of_date,
        subcategories.coupon_id,
        receivers.user_id,
        count(*) as kinds,
        sum(history.days) as days,
        sum(history.days_84d) as days_84d,
        sum(history.coupon_days) as coupon_days,
        min(history.recency_days) as recency_days,
        {{ exact_sum('history.affinity') }} as affinity
    from campaign_features as receivers
    inner join subcategories
        on receivers.as_of_date = subcategories.as_of_date and receivers.campaign_id = subcategories.campaign_id
    inner join user_subcategories as history
        on
            receivers.user_id = history.user_id
            and receivers.looks_back_from = history.looks_back_from
            and subcategories.subcategory = history.subcategory
    group by receivers.as_of_date, subcategories.coupon_id, receivers.user_id

),

joined as (

    select
        receivers.*,
        coupons.coupon_id,
        cast(coalesce(own.products, 0) as integer) as own_products,
        cast(coalesce(own.purchase_days, 0) as integer) as own_days,
        cast(coalesce(own.purchase_days_84d, 0) as integer) as own_days_84d,
        cast(own.recency_days as integer) as own_recency_days,
        cast(coalesce(own.spend, 0) as double) as own_spend,
        cast(coalesce(own.coupon_money, 0) as double) as own_coupon_money,
        cast(coalesce(kinds.kinds, 0) as integer) as kinds_bought,
        cast(coalesce(kinds.days, 0) as integer) as kind_days,
        cast(coalesce(kinds.days_84d, 0) as integer) as kind_days_84d,
        cast(coalesce(kinds.coupon_days, 0) as integer) as kind_coupon_days,
        cast(kinds.recency_days as integer) as kind_recency_days,
        cast(coalesce(kinds.affinity, 0) as double) as kind_affinity,
        coupons.coupon_products,
        coupons.coupon_subcategories,
        coupons.coupon_categories,
        coupons.coupon_brands,
        coupons.coupon_buyers_84d,
        coupons.coupon_top_buyers_84d,
        coupons.coupon_lines_of_products_84d,
        coupons.coupon_relative_buyers,
        coalesce(own.purchase_days_84d, 0) / cast(greatest(receivers.visit_days_84d, 1) as double) as own_share_84d,
        cast(coalesce(kinds.days_84d, 0) / cast(greatest(receivers.visit_days_84d, 1) as double) as double) as kind_share_84d,
        cast((receivers.redemptions + 0.5) * (coalesce(own.purchase_days, 0) + 0.5) as double) as redemptions_by_purchases
    from campaign_features as receivers
    inner join coupons
        on receivers.as_of_date = coupons.as_of_date and receivers.campaign_id = coupons.campaign_id
    left join {{ ref('user_coupon_history') }} as own
        on
            receivers.as_of_date = own.as_of_date
            and coupons.coupon_id = own.coupon_id
            and receivers.user_id = own.user_id
    left join user_kinds as kinds
        on
            receivers.as_of_date = kinds.as_of_date
            and coupons.coupon_id = kinds.coupon_id
            and receivers.user_id = kinds.user_id

),

final as (

    select
        as_of_date,
        campaign_id,
        coupon_id,
        user_id,
        own_products,
        own_days,
        own_days_84d,
        own_recency_days,
        own_spend,
        own_coupon_money,
        kinds_bought,
        kind_days,
        kind_days_84d,
        kind_coupon_days,
        kind_recency_days,
        kind_affinity,
        coupon_products,
        coupon_subcategories,
        coupon_categories,
        coupon_brands,
        coupon_buyers_84d,
        coupon_top_buyers_84d,
        coupon_lines_of_products_84d,
        coupon_relative_buyers,
        own_share_84d,
        kind_share_84d,
        redemptions_by_purchases,
        {{ float_vector(var('coupon_redemption_features')) }} as features
    from joined
    where is_recorded or own_days > 0

)

select * from final
