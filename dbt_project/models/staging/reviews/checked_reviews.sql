-- reviews: typed, with the code of every contract rule a row breaks
with base as {{ inlined() }}(

    select * from {{ ref('base_reviews') }}

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
        base.review_id,
        base.user_id,
        base.product_id,
        base.rating,
        base.review_text,
        base.reviewed_at,
        {{ local_date('base.reviewed_at') }} as reviewed_on,
        base.x_columns,
        base.source_row,
        {{ reject_reasons({
            "MISSING_REVIEW_ID": "base.review_id is null",
            "MISSING_USER_ID": "base.user_id is null",
            "MISSING_PRODUCT_ID": "base.product_id is null",
            "MISSING_RATING": "base.rating is null",
            "MISSING_REVIEWED_AT": "base.reviewed_at is null",
            "UNKNOWN_USER": "base.user_id is not null and known_users.user_id is null and shop.has_users",
            "FUTURE_DATE": "base.reviewed_at >= " ~ utc_midnight("as_of.data_until"),
            "IMPLAUSIBLE_DATE": "base.reviewed_at < timestamp '1970-01-01'",
            "RATING_OUT_OF_RANGE": "rating < 1 or rating > 5"
        }) }} as broken_rules
    from base
    cross join as_of
    cross join shop
    left join known_users on base.user_id = known_users.user_id

),

{{ numbered_copies(['review_id'], 'reviewed_at, user_id, product_id') }},

final as (

    select
        review_id,
        user_id,
        product_id,
        rating,
        review_text,
        reviewed_at,
        reviewed_on,
        x_columns,
        case
            when is_clean and copy_number > 1 then {{ array_of(["'DUPLICATE_KEY'"]) }}
            else broken_rules
        end as reject_reasons,
        case when not is_clean or copy_number > 1 then coalesce(source_row, {{ json_object([
            'review_id',
            'user_id',
            'product_id',
            'rating',
            'review_text',
            'reviewed_at',
            'reviewed_on',
            'x_columns'
        ]) }}) end as rejected_row
    from numbered

)

select * from final
