-- one row a product and as-of date: prices, sales velocity, stock, promotion, from days before the as-of date alone
with as_of_dates as (

    select as_of_date from {{ ref('as_of_dates') }}

),

products as (

    select
        product_id,
        category,
        subcategory,
        brand,
        list_price,
        unit_cost,
        {{ local_date('launched_at') }} as launched_on,
        x_columns
    from {{ ref('stg_products') }}

),

sold_days as (

    select
        product_id,
        ordered_on,
        user_id,
        sum(quantity) as units,
        sum(quantity * paid_price) as spend,
        sum(quantity * list_price) as list_spend
    from {{ ref('stg_closed_order_lines') }}
    where quantity > 0
    group by product_id, ordered_on, user_id

),

buyers as (

    select
        as_of_dates.as_of_date,
        sold.product_id,
        sold.user_id,
        min({{ days_between('sold.ordered_on', 'as_of_dates.as_of_date') }}) as recency_days,
        max({{ days_between('sold.ordered_on', 'as_of_dates.as_of_date') }}) as days_since_first_purchase,
        count(*) as purchase_days,
        sum(case when {{ days_between('sold.ordered_on', 'as_of_dates.as_of_date') }} <= 7 then sold.units else 0 end)
            as units_7d,
        sum(case when {{ days_between('sold.ordered_on', 'as_of_dates.as_of_date') }} <= 28 then sold.units else 0 end)
            as units_28d,
        sum(sold.units) as units,
        sum(sold.spend) as spend,
        sum(sold.list_spend) as list_spend
    from sold_days as sold
    inner join as_of_dates
        on
            sold.ordered_on < as_of_dates.as_of_date
            and sold.ordered_on >= {{ add_days('as_of_dates.as_of_date', -112) }}
    group by as_of_dates.as_of_date, sold.product_id, sold.user_id

),

sales as (

    select
        as_of_date,
        product_id,
        sum(units_7d) as units_7d,
        sum(units_28d) as units_28d,
        sum(units) as units_112d,
        sum(spend) as revenue_112d,
        sum(list_spend) as list_revenue_112d,
        sum(case when recency_days <= 28 then 1 else 0 end) as buyers_28d,
        count(*) as buyers_112d,
        sum(purchase_days) as purchase_days_112d,
        sum(case when days_since_first_purchase > 28 then 1 else 0 end) as earlier_buyers,
        sum(case when days_since_first_purchase > 28 and recency_days <= 28 then 1 else 0 end) as returned_buyers
    from buyers
    group by as_of_date, product_id

),

shelf as (

    select
        as_of_dates.as_of_date,
        lines.product_id,
        median(case when lines.ordered_on >= {{ add_days('as_of_dates.as_of_date', -28) }} then lines.list_price end)
            as median_list_price_28d,
        median(lines.list_price) as median_list_price
    from {{ ref('stg_closed_order_lines') }} as lines
    inner join as_of_dates
        on
            lines.ordered_on < as_of_dates.as_of_date
            and lines.ordered_on >= {{ add_days('as_of_dates.as_of_date', -364) }}
    where
        lines.quantity > 0
        and lines.list_price > 0
    group by as_of_dates.as_of_date, lines.product_id

),

prices as (

    select
        as_of_dates.as_of_date,
        days.product_id,
        max_by(days.lowest_price, days.price_date) as last_price
    from {{ ref('product_price_days') }} as days
    inner join as_of_dates on days.price_date < as_of_dates.as_of_date
    group by as_of_dates.as_of_date, days.product_id

),

stock as (

    select
        as_of_dates.as_of_date,
        inventory.product_id,
        max_by(inventory.stock_on_hand, inventory.as_of_date) as stock_on_hand
    from {{ ref('stg_inventory') }} as inventory
    inner join as_of_dates on inventory.as_of_date < as_of_dates.as_of_date
    group by as_of_dates.as_of_date, inventory.product_id

),

latest_rival_prices as (

    select
        as_of_dates.as_of_date,
        rivals.product_id,
        rivals.competitor,
        max_by(rivals.price, rivals.observed_at) as price
    from {{ ref('stg_competitor_prices') }} as rivals
    inner join as_of_dates
        on
            rivals.observed_on < as_of_dates.as_of_date
            and rivals.observed_on >= {{ add_days('as_of_dates.as_of_date', -28) }}
    group by as_of_dates.as_of_date, rivals.product_id, rivals.competitor

),

rivals as (

    select
        as_of_date,
        product_id,
        -- nobody sells at nothing: such a price is an empty cell of who collected it, and would cut the shop's own
        min(case when price > 0 then price end) as competitor_price
    from latest_rival_prices
    group by as_of_date, product_id

),

browsing as (

    select
        as_of_dates.as_of_date,
        events.product_id,
        sum(case when events.event_type = 'view' then 1 else 0 end) as views_28d,
        sum(case when events.event_type = 'cart' then 1 else 0 end) as carts_28d
    from {{ ref('stg_closed_events') }} as events
    inner join as_of_dates
        on
            events.event_on < as_of_dates.as_of_date
            and events.event_on >= {{ add_days('as_of_dates.as_of_date', -28) }}
    where events.product_id is not null
    group by as_of_dates.as_of_date, events.product_id

),

ratings as (

    select
        as_of_dates.as_of_date,
        reviews.product_id,
        {{ exact_avg('reviews.rating') }} as mean_rating
    from {{ ref('stg_reviews') }} as reviews
    inner join as_of_dates on reviews.reviewed_on < as_of_dates.as_of_date
    group by as_of_dates.as_of_date, reviews.product_id

),

-- a week counts once it has begun: the mailer is out
promoted as (

    select
        as_of_dates.as_of_date,
        promotions.product_id,
        max(promotions.mailer_stores) as mailer_stores_7d,
        max(promotions.display_stores) as display_stores_7d
    from {{ ref('stg_product_promotions') }} as promotions
    inner join as_of_dates
        on
            promotions.week_start < as_of_dates.as_of_date
            and promotions.week_start >= {{ add_days('as_of_dates.as_of_date', -7) }}
    group by as_of_dates.as_of_date, promotions.product_id

),

joined as (

    select
        as_of_dates.as_of_date,
        products.product_id,
        products.category,
        products.subcategory,
        products.brand,
        cast(coalesce(shelf.median_list_price_28d, shelf.median_list_price, products.list_price) as decimal(18, 2)) as list_price,
        prices.last_price,
        products.unit_cost,
        cast(coalesce(sales.units_7d, 0) as double) as units_7d,
        cast(coalesce(sales.units_28d, 0) as double) as units_28d,
        cast(coalesce(sales.units_112d, 0) as double) as units_112d,
        cast(coalesce(sales.revenue_112d, 0) as decimal(18, 2)) as revenue_112d,
        cast(coalesce(sales.buyers_28d, 0) as integer) as buyers_28d,
        cast(coalesce(sales.buyers_112d, 0) as integer) as buyers_112d,
        cast(sales.purchase_days_112d / nullif(cast(sales.buyers_112d as double), 0) as double) as purchase_days_per_buyer_112d,
        cast(sales.returned_buyers / nullif(cast(sales.earlier_buyers as double), 0) as double) as return_share_28d,
        cast(1 - sales.revenue_112d / nullif(sales.list_revenue_112d, 0) as double) as discount_share_112d,
        stock.stock_on_hand,
        rivals.competitor_price,
        cast(coalesce(browsing.views_28d, 0) as integer) as views_28d,
        cast(coalesce(browsing.carts_28d, 0) as integer) as carts_28d,
        cast(ratings.mean_rating as double) as mean_rating,
        cast(coalesce(promoted.mailer_stores_7d, 0) as integer) as mailer_stores_7d,
        cast(coalesce(promoted.display_stores_7d, 0) as integer) as display_stores_7d,
        cast({{ days_between('products.launched_on', 'as_of_dates.as_of_date') }} as integer) as days_since_launch,
        products.x_columns
    from products
    cross join as_of_dates
    {% for relation in ['sales', 'shelf', 'prices', 'stock', 'rivals', 'browsing', 'ratings', 'promoted'] -%}
    left join {{ relation }}
        on products.product_id = {{ relation }}.product_id and as_of_dates.as_of_date = {{ relation }}.as_of_date
    {% endfor %}
),

final as (

    select
        *,
        cast(percent_rank() over (
            partition by as_of_date, category order by list_price nulls last
        ) as double) as price_percentile,
        cast(buyers_112d / nullif(
            cast(sum(buyers_112d) over (partition by as_of_date, category) as double), 0
        ) as double) as category_buyer_share
    from joined

)

select * from final
