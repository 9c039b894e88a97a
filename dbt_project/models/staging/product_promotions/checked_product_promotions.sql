-- product promotions: typed, with the code of every contract rule a row breaks
with base as {{ inlined() }}(

    select * from {{ ref('base_product_promotions') }}

),

as_of as (

    select max(data_until) as data_until
    from {{ ref('as_of_dates') }}

),

judged as {{ inlined() }}(

    select
        base.product_id,
        base.week_start,
        base.mailer_stores,
        base.display_stores,
        base.x_columns,
        base.source_row,
        {{ reject_reasons({
            "MISSING_PRODUCT_ID": "base.product_id is null",
            "MISSING_WEEK_START": "base.week_start is null",
            "MISSING_MAILER_STORES": "base.mailer_stores is null",
            "MISSING_DISPLAY_STORES": "base.display_stores is null",
            "FUTURE_DATE": "base.week_start >= as_of.data_until",
            "IMPLAUSIBLE_DATE": "base.week_start < date '1970-01-01'",
            "NEGATIVE_STORES": "least(mailer_stores, display_stores) < 0",
            "IMPLAUSIBLE_STORES": "greatest(mailer_stores, display_stores) > " ~ largest_count()
        }) }} as broken_rules
    from base
    cross join as_of

),

{{ numbered_copies(['product_id', 'week_start'], 'mailer_stores, display_stores') }},

final as (

    select
        product_id,
        week_start,
        mailer_stores,
        display_stores,
        x_columns,
        case
            when is_clean and copy_number > 1 then {{ array_of(["'DUPLICATE_KEY'"]) }}
            else broken_rules
        end as reject_reasons,
        case when not is_clean or copy_number > 1 then coalesce(source_row, {{ json_object([
            'product_id',
            'week_start',
            'mailer_stores',
            'display_stores',
            'x_columns'
        ]) }}) end as rejected_row
    from numbered

)

select * from final
