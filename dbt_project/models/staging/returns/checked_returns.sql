-- returns: typed, with the code of every contract rule a row breaks
with base as {{ inlined() }}(

    select * from {{ ref('base_returns') }}

),

as_of as (

    select max(data_until) as data_until
    from {{ ref('as_of_dates') }}

),

known_lines as (

    select distinct
        order_id,
        line_number
    from {{ ref('checked_order_lines') }}
    where {{ array_size('reject_reasons') }} = 0

),

judged as {{ inlined() }}(

    select
        base.order_id,
        base.line_number,
        base.returned_at,
        base.quantity,
        base.refund,
        {{ local_date('base.returned_at') }} as returned_on,
        base.x_columns,
        base.source_row,
        {{ reject_reasons({
            "MISSING_ORDER_ID": "base.order_id is null",
            "MISSING_LINE_NUMBER": "base.line_number is null",
            "MISSING_RETURNED_AT": "base.returned_at is null",
            "MISSING_QUANTITY": "base.quantity is null",
            "UNKNOWN_ORDER_LINE": "base.order_id is not null and base.line_number is not null and known_lines.order_id is null",
            "FUTURE_DATE": "base.returned_at >= " ~ utc_midnight("as_of.data_until"),
            "IMPLAUSIBLE_DATE": "base.returned_at < timestamp '1970-01-01'",
            "NEGATIVE_QUANTITY": "quantity < 0",
            "NEGATIVE_REFUND": "refund < 0",
            "IMPLAUSIBLE_QUANTITY": "quantity > " ~ largest_quantity(),
            "IMPLAUSIBLE_REFUND": "refund > " ~ largest_amount()
        }) }} as broken_rules
    from base
    cross join as_of
    left join known_lines on base.order_id = known_lines.order_id and base.line_number = known_lines.line_number

),

{{ numbered_copies(['order_id', 'line_number', 'returned_at'], 'quantity, refund nulls last') }},

final as (

    select
        order_id,
        line_number,
        returned_at,
        quantity,
        refund,
        returned_on,
        x_columns,
        case
            when is_clean and copy_number > 1 then {{ array_of(["'DUPLICATE_KEY'"]) }}
            else broken_rules
        end as reject_reasons,
        case when not is_clean or copy_number > 1 then coalesce(source_row, {{ json_object([
            'order_id',
            'line_number',
            'returned_at',
            'quantity',
            'refund',
            'returned_on',
            'x_columns'
        ]) }}) end as rejected_row
    from numbered

)

select * from final
