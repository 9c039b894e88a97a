-- open baskets: typed, with the code of every contract rule a row breaks
with base as {{ inlined() }}(

    select
        *,
        min(coalesce(user_id, '')) over (partition by basket_id) as first_user,
        max(coalesce(user_id, '')) over (partition by basket_id) as last_user
    from {{ ref('base_baskets') }}

),

judged as {{ inlined() }}(

    select
        basket_id,
        line_number,
        user_id,
        product_id,
        quantity,
        unit_price,
        coupon_ids,
        quoted_at,
        x_columns,
        source_row,
        {{ reject_reasons({
            "MISSING_BASKET_ID": "basket_id is null",
            "MISSING_LINE_NUMBER": "line_number is null",
            "MISSING_PRODUCT_ID": "product_id is null",
            "MISSING_QUANTITY": "quantity is null",
            "SEVERAL_USERS": "basket_id is not null and first_user <> last_user",
            "NEGATIVE_QUANTITY": "quantity < 0",
            "IMPLAUSIBLE_QUANTITY": "quantity > " ~ largest_quantity(),
            "NEGATIVE_PRICE": "unit_price < 0",
            "IMPLAUSIBLE_PRICE": "unit_price > " ~ largest_amount(),
            "IMPLAUSIBLE_DATE": "quoted_at < timestamp '1970-01-01'"
        }) }} as broken_rules
    from base

),

{{ numbered_copies(
    ['basket_id', 'line_number'], 'product_id, quantity, unit_price nulls last, coupon_ids nulls last, quoted_at nulls last'
) }},

final as (

    select
        basket_id,
        line_number,
        user_id,
        product_id,
        quantity,
        unit_price,
        coupon_ids,
        quoted_at,
        x_columns,
        case
            when is_clean and copy_number > 1 then {{ array_of(["'DUPLICATE_KEY'"]) }}
            else broken_rules
        end as reject_reasons,
        case when not is_clean or copy_number > 1 then coalesce(source_row, {{ json_object([
            'basket_id',
            'line_number',
            'user_id',
            'product_id',
            'quantity',
            'unit_price',
            'coupon_ids',
            'quoted_at',
            'x_columns'
        ]) }}) end as rejected_row
    from numbered

)

select * from final
