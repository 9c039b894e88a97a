-- what promotions did for each product in the days before the as-of date: how often it was promoted, and what it sold then
{% set days = var('promo_history_days') %}
with as_of_dates as (

    select as_of_date from {{ ref('promo_effect_dates') }}

),

windows as (

    select
        as_of_dates.as_of_date,
        greatest(min(purchases.ordered_on), {{ add_days('as_of_dates.as_of_date', -days) }}) as first_day
    from {{ ref('purchase_promotions') }} as purchases
    inner join as_of_dates on purchases.ordered_on < as_of_dates.as_of_date
    group by as_of_dates.as_of_date

),

promoted as (

    select
        windows.as_of_date,
        promotions.product_id,
        sum({{ days_between(
            'greatest(promotions.week_start, windows.first_day)',
            'least(' ~ add_days('promotions.week_start', 7) ~ ', windows.as_of_date)'
        ) }}) as promoted_days,
        min({{ days_between(
            'least(' ~ add_days('promotions.week_start', 7) ~ ', windows.as_of_date)', 'windows.as_of_date'
        ) }}) as days_since_promotion,
        {{ exact_sum('promotions.mailer_share') }} / count(*) as mailer_share,
        {{ exact_sum('promotions.display_share') }} / count(*) as display_share
    from {{ ref('promotion_weeks') }} as promotions
    inner join windows
        on
            promotions.week_start < windows.as_of_date
            and {{ add_days('promotions.week_start', 7) }} > windows.first_day
    where promotions.is_promoted
    group by windows.as_of_date, promotions.product_id

),

sold as (

    select
        windows.as_of_date,
        purchases.product_id,
        sum(case when purchases.is_promoted then 1 else 0 end) as promoted_purchases,
        sum(case when purchases.is_promoted then 0 else 1 end) as plain_purchases,
        count(*) as purchases,
        count(distinct purchases.user_id) as buyers,
        sum(case when {{ days_between('purchases.ordered_on', 'windows.as_of_date') }} <= 28 then 1 else 0 end) as purchases_28d,
        sum(case when {{ days_between('purchases.ordered_on', 'windows.as_of_date') }} <= 7 then 1 else 0 end) as purchases_7d,
        sum(purchases.list_spend) / nullif(sum(purchases.units), 0) as list_price,
        1 - sum(purchases.spend) / nullif(sum(purchases.list_spend), 0) as discount_share,
        1 - sum(case when purchases.is_promoted then purchases.spend end)
        / nullif(sum(case when purchases.is_promoted then purchases.list_spend end), 0) as promoted_discount,
        1 - sum(case when not purchases.is_promoted then purchases.spend end)
        / nullif(sum(case when not purchases.is_promoted then purchases.list_spend end), 0) as plain_discount
    from {{ ref('purchase_promotions') }} as purchases
    inner join windows on purchases.ordered_on < windows.as_of_date and purchases.ordered_on >= windows.first_day
    group by windows.as_of_date, purchases.product_id

),

joined as (

    select
        sold.as_of_date,
        sold.product_id,
        products.category,
        {{ days_between('windows.first_day', 'sold.as_of_date') }} as window_days,
        coalesce(promoted.promoted_days, 0) as promoted_days,
        promoted.days_since_promotion,
        promoted.mailer_share,
        promoted.display_share,
        sold.purchases,
        sold.buyers,
        sold.purchases_28d,
        sold.purchases_7d,
        sold.list_price,
        sold.discount_share,
        sold.promoted_purchases,
        sold.plain_purchases,
        sold.promoted_discount,
        sold.plain_discount
    from sold
    inner join windows on sold.as_of_date = windows.as_of_date
    inner join {{ ref('stg_products') }} as products on sold.product_id = products.product_id
    left join promoted on sold.as_of_date = promoted.as_of_date and sold.product_id = promoted.product_id

),

-- purchases a day out of promotions, and what the promoted days would have sold at that pace
paced as (

    select
        *,
        plain_purchases / nullif(cast(window_days - promoted_days as double), 0) as plain_pace,
        promoted_days * plain_purchases / nullif(cast(window_days - promoted_days as double), 0) as expected_purchases
    from joined

),

final as (

    select
        as_of_date,
        product_id,
        category,
        cast(purchases_28d as integer) as purchases_28d,
        cast(purchases_7d as integer) as purchases_7d,
        cast(purchases / cast(buyers as double) as double) as purchases_per_buyer,
        cast(list_price as double) as list_price,
        percent_rank() over (partition by as_of_date, category order by list_price nulls last) as price_percentile,
        cast(discount_share as double) as discount_share,
        cast(promoted_days / cast(nullif(window_days, 0) as double) as double) as promoted_share,
        cast(days_since_promotion as integer) as days_since_promotion,
        cast(mailer_share as double) as mailer_share,
        cast(display_share as double) as display_share,
        cast(7 * plain_pace as double) as plain_purchases_per_week,
        cast(7 * promoted_purchases / nullif(cast(promoted_days as double), 0) as double) as promoted_purchases_per_week,
        cast(promoted_discount as double) as promoted_discount,
        cast(plain_discount as double) as plain_discount,
        -- 1: promoted days sell as others do; drawn to 1 by one purchase where there were few
        cast((promoted_purchases + 1) / (expected_purchases + 1) as double) as promotion_lift,
        cast(
            (sum(promoted_purchases) over (partition by as_of_date, category) + 1)
            / ({{ exact_sum('expected_purchases', 'over (partition by as_of_date, category)') }} + 1) as double
        ) as category_promotion_lift
    from paced

)

select * from final
