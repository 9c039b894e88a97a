-- coupon products: typed, with the code of every contract rule a row breaks
with base as {{ inlined() }}(

    select * from {{ ref('base_coupon_products') }}

),

judged as {{ inlined() }}(

    select
        base.coupon_id,
        base.product_id,
        base.x_columns,
        base.source_row,
        {{ reject_reasons({
            "MISSING_COUPON_ID": "base.coupon_id is null",
            "MISSING_PRODUCT_ID": "base.product_id is null"
        }) }} as broken_rules
    from base

),

{{ numbered_copies(['coupon_id', 'product_id']) }},

final as (

    select
        coupon_id,
        product_id,
        x_columns,
        case
            when is_clean and copy_number > 1 then {{ array_of(["'DUPLICATE_KEY'"]) }}
            else broken_rules
        end as reject_reasons,
        case when not is_clean or copy_number > 1 then coalesce(source_row, {{ json_object([
            'coupon_id',
            'product_id',
            'x_columns'
        ]) }}) end as rejected_row
    from numbered

)

select * from final
