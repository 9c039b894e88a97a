-- products: typed, with the code of every contract rule a row breaks
with base as {{ inlined() }}(

    select * from {{ ref('base_products') }}

),

judged as {{ inlined() }}(

    select
        base.product_id,
        base.product_name,
        coalesce(base.category, 'unknown') as category,
        base.subcategory,
        base.brand,
        base.list_price,
        base.unit_cost,
        base.launched_at,
        coalesce(base.is_active, true) as is_active,
        base.x_columns,
        base.source_row,
        {{ reject_reasons({
            "MISSING_PRODUCT_ID": "base.product_id is null",
            "NEGATIVE_PRICE": "list_price < 0",
            "NEGATIVE_COST": "unit_cost < 0",
            "IMPLAUSIBLE_PRICE": "greatest(list_price, unit_cost) > " ~ largest_amount()
        }) }} as broken_rules
    from base

),

{{ numbered_copies(['product_id'], 'launched_at, product_name') }},

final as (

    select
        product_id,
        product_name,
        category,
        subcategory,
        brand,
        list_price,
        unit_cost,
        launched_at,
        is_active,
        x_columns,
        case
            when is_clean and copy_number > 1 then {{ array_of(["'DUPLICATE_KEY'"]) }}
            else broken_rules
        end as reject_reasons,
        case when not is_clean or copy_number > 1 then coalesce(source_row, {{ json_object([
            'product_id',
            'product_name',
            'category',
            'subcategory',
            'brand',
            'list_price',
            'unit_cost',
            'launched_at',
            'is_active',
            'x_columns'
        ]) }}) end as rejected_row
    from numbered

)

select * from final
