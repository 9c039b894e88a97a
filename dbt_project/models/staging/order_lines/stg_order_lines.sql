-- order lines that keep the contract; purchase events, when the shop brings no order lines
-- A line's number among events is counted in its order, which several users may share: so the order is the key.
{{ config(meta={'day': 'ordered_on', 'key': ['order_id']}) }}

with listed as (

    select
        order_id,
        line_number,
        user_id,
        product_id,
        ordered_at,
        quantity,
        list_price,
        paid_price,
        discount,
        coupon_id,
        store_id,
        ship_address_hash,
        payment_hash,
        device_hash,
        ordered_on,
        x_columns
    from {{ ref('checked_order_lines') }}
    where {{ array_size('reject_reasons') }} = 0

),

purchases as (

    select
        events.user_id,
        events.product_id,
        events.event_id,
        events.event_at,
        events.event_on,
        events.x_columns,
        coalesce(events.session_id, concat_ws('', events.user_id, ' ', cast(events.event_on as string))) as order_id,
        coalesce(events.quantity, 1) as quantity,
        coalesce(events.price, products.list_price) as price
    from {{ ref('checked_events') }} as events
    inner join {{ ref('shop_has_order_lines') }} as shop on not shop.has_order_lines
    left join {{ ref('stg_products') }} as products on events.product_id = products.product_id
    where
        {{ array_size('events.reject_reasons') }} = 0
        and events.event_type = 'purchase'
        and events.product_id is not null

),

derived as (

    select
        order_id,
        cast(row_number() over (partition by order_id order by event_at, event_id) as integer) as line_number,
        user_id,
        product_id,
        event_at as ordered_at,
        quantity,
        price as list_price,
        price as paid_price,
        cast(null as decimal(18, 2)) as discount,
        cast(null as string) as coupon_id,
        cast(null as string) as store_id,
        cast(null as string) as ship_address_hash,
        cast(null as string) as payment_hash,
        cast(null as string) as device_hash,
        event_on as ordered_on,
        x_columns
    from purchases

),

final as (

    select * from listed
    union all
    select * from derived

)

select * from final
