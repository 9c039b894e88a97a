-- competitor prices: typed, with the code of every contract rule a row breaks
with base as {{ inlined() }}(

    select * from {{ ref('base_competitor_prices') }}

),

as_of as (

    select max(data_until) as data_until
    from {{ ref('as_of_dates') }}

),

judged as {{ inlined() }}(

    select
        base.product_id,
        base.competitor,
        base.observed_at,
        base.price,
        {{ local_date('base.observed_at') }} as observed_on,
        base.x_columns,
        base.source_row,
        {{ reject_reasons({
            "MISSING_PRODUCT_ID": "base.product_id is null",
            "MISSING_COMPETITOR": "base.competitor is null",
            "MISSING_OBSERVED_AT": "base.observed_at is null",
            "MISSING_PRICE": "base.price is null",
            "FUTURE_DATE": "base.observed_at >= " ~ utc_midnight("as_of.data_until"),
            "IMPLAUSIBLE_DATE": "base.observed_at < timestamp '1970-01-01'",
            "NEGATIVE_PRICE": "price < 0",
            "IMPLAUSIBLE_PRICE": "price > " ~ largest_amount()
        }) }} as broken_rules
    from base
    cross join as_of

),

{{ numbered_copies(['product_id', 'competitor', 'observed_at'], 'price') }},

final as (

    select
        product_id,
        competitor,
        observed_at,
        price,
        observed_on,
        x_columns,
        case
            when is_clean and copy_number > 1 then {{ array_of(["'DUPLICATE_KEY'"]) }}
            else broken_rules
        end as reject_reasons,
        case when not is_clean or copy_number > 1 then coalesce(source_row, {{ json_object([
            'product_id',
            'competitor',
            'observed_at',
            'price',
            'observed_on',
            'x_columns'
        ]) }}) end as rejected_row
    from numbered

)

select * from final
