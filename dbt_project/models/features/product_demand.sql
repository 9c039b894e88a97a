-- what a product sold in the last week beside what it sells on the same weekdays
with as_of_dates as (

    select as_of_date from {{ ref('as_of_dates') }}

),

sold_days as (

    select
        product_id,
        ordered_on,
        sum(quantity) as units
    from {{ ref('stg_closed_order_lines') }}
    where quantity > 0
    group by product_id, ordered_on

),

-- a day on which nobody bought anything is a day on which the shop was closed
open_days as (

    select distinct
        as_of_dates.as_of_date,
        sold.ordered_on as sold_on,
        {{ days_between('sold.ordered_on', 'as_of_dates.as_of_date') }} % 7 as weekday,
        {{ days_between('sold.ordered_on', 'as_of_dates.as_of_date') }} <= 7 as is_recent
    from sold_days as sold
    inner join as_of_dates
        on
            sold.ordered_on < as_of_dates.as_of_date
            and sold.ordered_on >= {{ add_days('as_of_dates.as_of_date', -35) }}

),

products as (

    select
        as_of_dates.as_of_date,
        sold.product_id,
        least(min(sold.ordered_on), max({{ local_date('listed.launched_at') }})) as on_sale_since
    from sold_days as sold
    inner join {{ ref('stg_products') }} as listed on sold.product_id = listed.product_id
    inner join as_of_dates on sold.ordered_on < as_of_dates.as_of_date
    group by as_of_dates.as_of_date, sold.product_id
    having max(sold.ordered_on) >= {{ add_days('as_of_dates.as_of_date', -35) }}

),

weekdays as (

    select
        products.as_of_date,
        products.product_id,
        days.weekday,
        sum(case when days.is_recent then 1 else 0 end) as recent_days,
        sum(case when days.is_recent then 0 else 1 end) as earlier_days,
        coalesce(sum(case when days.is_recent then sold.units end), 0) as recent_units,
        coalesce(sum(case when not days.is_recent then sold.units end), 0) as earlier_units
    from products
    inner join open_days as days
        on products.as_of_date = days.as_of_date and products.on_sale_since <= days.sold_on
    left join sold_days as sold
        on products.product_id = sold.product_id and days.sold_on = sold.ordered_on
    group by products.as_of_date, products.product_id, days.weekday

),

final as (

    select
        as_of_date,
        product_id,
        cast(count(*) as integer) as compared_weekdays,
        cast(sum(recent_units) as double) as recent_units,
        {{ exact_sum('cast(earlier_units as double) / earlier_days') }} as usual_units
    from weekdays
    where
        recent_days > 0
        and earlier_days > 0
    group by as_of_date, product_id

)

select * from final
