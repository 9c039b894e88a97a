-- order lines: typed, with the code of every contract rule a row breaks
{{ config(meta={'key': ['order_id', 'line_number']}) }}

with base as {{ inlined() }}(

    select * from {{ ref('base_order_lines') }}

),

as_of as (

    select max(data_until) as data_until
    from {{ ref('as_of_dates') }}

),

known_users as (

    select distinct user_id
    from {{ ref('checked_users') }}
    where {{ array_size('reject_reasons') }} = 0

),

shop as (

    select has_users
    from {{ ref('shop_has_users') }}

),

judged as {{ inlined() }}(

    select
        base.order_id,
        base.line_number,
        base.user_id,
        base.product_id,
        base.ordered_at,
        base.quantity,
        base.list_price,
        base.paid_price,
        base.discount,
        base.coupon_id,
        base.store_id,
        base.ship_address_hash,
        base.payment_hash,
        base.device_hash,
        {{ local_date('base.ordered_at') }} as ordered_on,
        base.x_columns,
        base.source_row,
        {{ reject_reasons({
            "MISSING_ORDER_ID": "base.order_id is null",
            "MISSING_LINE_NUMBER": "base.line_number is null",
            "MISSING_USER_ID": "base.user_id is null",
            "MISSING_PRODUCT_ID": "base.product_id is null",
            "MISSING_ORDERED_AT": "base.ordered_at is null",
            "MISSING_QUANTITY": "base.quantity is null",
            "MISSING_LIST_PRICE": "base.list_price is null",
            "MISSING_PAID_PRICE": "base.paid_price is null",
            "UNKNOWN_USER": "base.user_id is not null and known_users.user_id is null and shop.has_users",
            "FUTURE_DATE": "base.ordered_at >= " ~ utc_midnight("as_of.data_until"),
            "IMPLAUSIBLE_DATE": "base.ordered_at < timestamp '1970-01-01'",
            "NEGATIVE_QUANTITY": "quantity < 0",
            "NEGATIVE_PRICE": "least(list_price, paid_price) < 0",
            "IMPLAUSIBLE_QUANTITY": "quantity > " ~ largest_quantity(),
            "IMPLAUSIBLE_PRICE": "greatest(list_price, paid_price, abs(discount)) > " ~ largest_amount()
                ~ " or cast(quantity as double) * greatest(list_price, paid_price) > " ~ largest_amount()
        }) }} as broken_rules
    from base
    cross join as_of
    cross join shop
    left join known_users on base.user_id = known_users.user_id

),

{{ numbered_copies(['order_id', 'line_number'], 'ordered_at, user_id, product_id, quantity, paid_price') }},

final as (

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
        x_columns,
        case
            when is_clean and copy_number > 1 then {{ array_of(["'DUPLICATE_KEY'"]) }}
            else broken_rules
        end as reject_reasons,
        case when not is_clean or copy_number > 1 then coalesce(source_row, {{ json_object([
            'order_id',
            'line_number',
            'user_id',
            'product_id',
            'ordered_at',
            'quantity',
            'list_price',
            'paid_price',
            'discount',
            'coupon_id',
            'store_id',
            'ship_address_hash',
            'payment_hash',
            'device_hash',
            'ordered_on',
            'x_columns'
        ]) }}) end as rejected_row
    from numbered

)

select * from final
