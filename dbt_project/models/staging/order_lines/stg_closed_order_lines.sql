-- order lines of the days that are over: what shop-wide statistics look at
{{ config(meta={'leaves_out_open_days': true}) }}

select
    order_id,
    user_id,
    product_id,
    ordered_at,
    quantity,
    list_price,
    paid_price,
    store_id,
    ordered_on
from {{ ref('stg_order_lines') }}
where ordered_on < {{ first_open_day(ref('as_of_dates')) }}
