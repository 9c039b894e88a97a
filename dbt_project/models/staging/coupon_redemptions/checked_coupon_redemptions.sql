-- coupon redemptions: typed, with the code of every contract rule a row breaks
with base as {{ inlined() }}(

    select * from {{ ref('base_coupon_redemptions') }}

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
        base.redemption_id,
        base.coupon_id,
        base.user_id,
        base.order_id,
        base.redeemed_at,
        base.discount,
        {{ local_date('base.redeemed_at') }} as redeemed_on,
        base.x_columns,
        base.source_row,
        {{ reject_reasons({
            "MISSING_REDEMPTION_ID": "base.redemption_id is null",
            "MISSING_COUPON_ID": "base.coupon_id is null",
            "MISSING_USER_ID": "base.user_id is null",
            "MISSING_REDEEMED_AT": "base.redeemed_at is null",
            "UNKNOWN_USER": "base.user_id is not null and known_users.user_id is null and shop.has_users",
            "FUTURE_DATE": "base.redeemed_at >= " ~ utc_midnight("as_of.data_until"),
            "IMPLAUSIBLE_DATE": "base.redeemed_at < timestamp '1970-01-01'",
            "NEGATIVE_DISCOUNT": "discount < 0",
            "IMPLAUSIBLE_DISCOUNT": "discount > " ~ largest_amount()
        }) }} as broken_rules
    from base
    cross join as_of
    cross join shop
    left join known_users on base.user_id = known_users.user_id

),

{{ numbered_copies(['redemption_id'], 'redeemed_at, coupon_id, user_id') }},

final as (

    select
        redemption_id,
        coupon_id,
        user_id,
        order_id,
        redeemed_at,
        discount,
        redeemed_on,
        x_columns,
        case
            when is_clean and copy_number > 1 then {{ array_of(["'DUPLICATE_KEY'"]) }}
            else broken_rules
        end as reject_reasons,
        case when not is_clean or copy_number > 1 then coalesce(source_row, {{ json_object([
            'redemption_id',
            'coupon_id',
            'user_id',
            'order_id',
            'redeemed_at',
            'discount',
            'redeemed_on',
            'x_columns'
        ]) }}) end as rejected_row
    from numbered

)

select * from final
