-- what each product sold in a week, at what price and with what promotion; weeks without a sale have no row
with anchor as (

    -- the shop's own promotion weeks, else weeks that begin on Monday
    select coalesce(min(week_start), date '2000-01-03') as first_week
    from {{ ref('stg_product_promotions') }}

),

lines as (

    select
        lines.product_id,
        cast(floor({{ days_between('anchor.first_week', 'lines.ordered_on') }} / 7.0) as integer) as week,
        lines.quantity,
        lines.quantity * lines.paid_price as spend,
        lines.quantity * lines.list_price as list_spend
    from {{ ref('stg_closed_order_lines') }} as lines
    cross join anchor
    where lines.quantity > 0

),

sold as (

    select
        product_id,
        week,
        count(*) as purchases,
        sum(quantity) as units,
        cast(sum(spend) as double) as spend,
        cast(sum(list_spend) as double) as list_spend
    from lines
    group by product_id, week

),

promoted as (

    select
        promotions.product_id,
        cast(floor({{ days_between('anchor.first_week', 'promotions.week_start') }} / 7.0) as integer) as week,
        max(promotions.mailer_stores) as mailer_stores,
        max(promotions.display_stores) as display_stores
    from {{ ref('stg_product_promotions') }} as promotions
    cross join anchor
    group by promotions.product_id, cast(floor({{ days_between('anchor.first_week', 'promotions.week_start') }} / 7.0) as integer)

),

-- what rivals asked: the geometric mean of all that was seen of them in the week
rivals as (

    select
        rivals.product_id,
        cast(floor({{ days_between('anchor.first_week', 'rivals.observed_on') }} / 7.0) as integer) as week,
        exp({{ exact_avg('ln(cast(rivals.price as double))') }}) as competitor_price
    from {{ ref('stg_competitor_prices') }} as rivals
    cross join anchor
    where rivals.price > 0
    group by rivals.product_id, cast(floor({{ days_between('anchor.first_week', 'rivals.observed_on') }} / 7.0) as integer)

),

final as (

    select
        sold.product_id,
        products.category,
        {{ add_days('anchor.first_week', '7 * sold.week') }} as week_start,
        cast(sold.purchases as integer) as purchases,
        cast(sold.units as double) as units,
        sold.spend / cast(sold.units as double) as net_price,
        sold.list_spend / cast(sold.units as double) as regular_price,
        cast(coalesce(promoted.mailer_stores, 0) as integer) as mailer_stores,
        cast(coalesce(promoted.display_stores, 0) as integer) as display_stores,
        cast(round(rivals.competitor_price, 6) as double) as competitor_price
    from sold
    cross join anchor
    inner join {{ ref('stg_products') }} as products on sold.product_id = products.product_id
    left join promoted
        on sold.product_id = promoted.product_id and sold.week = promoted.week
    left join rivals
        on sold.product_id = rivals.product_id and sold.week = rivals.week
    where
        sold.spend > 0
        and sold.list_spend > 0

)

select * from final
