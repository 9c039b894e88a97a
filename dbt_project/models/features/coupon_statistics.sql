-- what each coupon of a campaign under consideration covers, and how all users took to its products before the campaign
with windows as (

    select
        campaigns.as_of_date,
        campaigns.campaign_id,
        campaigns.looks_back_from,
        campaigns.coupons,
        coupons.coupon_id
    from {{ ref('campaign_windows') }} as campaigns
    inner join {{ ref('stg_coupons') }} as coupons on campaigns.campaign_id = coupons.campaign_id

),

covered as (

    select
        windows.as_of_date,
        windows.campaign_id,
        windows.coupon_id,
        windows.looks_back_from,
        products.product_id,
        products.category,
        coalesce(products.subcategory, products.category) as subcategory,
        products.brand
    from windows
    inner join {{ ref('stg_coupon_products') }} as covered on windows.coupon_id = covered.coupon_id
    inner join {{ ref('stg_products') }} as products on covered.product_id = products.product_id

),

-- how popular products were in the 84 days before
looked_at as (

    select distinct
        looks_back_from,
        product_id
    from covered

),

popularity as (

    select
        looked_at.looks_back_from,
        looked_at.product_id,
        count(distinct lines.user_id) as buyers
    from looked_at
    inner join {{ ref('stg_order_lines') }} as lines
        on
            looked_at.product_id = lines.product_id
            and looked_at.looks_back_from > lines.ordered_on
            and {{ days_between('lines.ordered_on', 'looked_at.looks_back_from') }} <= 84
    where lines.quantity > 0
    group by looked_at.looks_back_from, looked_at.product_id

),

product_uses as (

    select
        looked_at.looks_back_from,
        looked_at.product_id,
        sum(uses.lines) as lines
    from looked_at
    inner join {{ ref('coupon_uses') }} as uses
        on
            looked_at.product_id = uses.product_id
            and looked_at.looks_back_from > uses.used_on
            and {{ days_between('uses.used_on', 'looked_at.looks_back_from') }} <= 84
    group by looked_at.looks_back_from, looked_at.product_id

),

by_coupon as (

    select
        covered.as_of_date,
        covered.campaign_id,
        covered.coupon_id,
        count(*) as products,
        count(distinct covered.subcategory) as subcategories,
        count(distinct covered.category) as categories,
        count(distinct covered.brand) as brands,
        sum(popularity.buyers) as buyers,
        max(popularity.buyers) as top_buyers,
        sum(product_uses.lines) as coupon_lines
    from covered
    left join popularity
        on covered.looks_back_from = popularity.looks_back_from and covered.product_id = popularity.product_id
    left join product_uses
        on covered.looks_back_from = product_uses.looks_back_from and covered.product_id = product_uses.product_id
    group by covered.as_of_date, covered.campaign_id, covered.coupon_id

),

compared as (

    select
        *,
        sum(buyers) over (partition by as_of_date, campaign_id) as buyers_of_all
    from by_coupon

),

final as (

    select
        windows.as_of_date,
        windows.campaign_id,
        windows.coupon_id,
        cast(coalesce(compared.products, 0) as integer) as coupon_products,
        cast(coalesce(compared.subcategories, 0) as integer) as coupon_subcategories,
        cast(coalesce(compared.categories, 0) as integer) as coupon_categories,
        cast(coalesce(compared.brands, 0) as integer) as coupon_brands,
        cast(coalesce(compared.buyers, 0) as integer) as coupon_buyers_84d,
        cast(coalesce(compared.top_buyers, 0) as integer) as coupon_top_buyers_84d,
        cast(coalesce(compared.coupon_lines, 0) as integer) as coupon_lines_of_products_84d,
        cast(
            coalesce(compared.buyers, 0) * windows.coupons / nullif(cast(compared.buyers_of_all as double), 0) as double
        ) as coupon_relative_buyers
    from windows
    left join compared on windows.as_of_date = compared.as_of_date and windows.coupon_id = compared.coupon_id

)

select * from final
