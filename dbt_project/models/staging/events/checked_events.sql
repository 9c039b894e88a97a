-- events: typed, with the code of every contract rule a row breaks
{{ config(meta={'day': 'event_on', 'key': ['event_id']}) }}

with base as {{ inlined() }}(

    select * from {{ ref('base_events') }}

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

words as (

    select
        word,
        event_type
    from {{ ref('event_type_synonyms') }}

),

judged as {{ inlined() }}(

    select
        coalesce(base.event_id, md5(concat_ws(
            '|', base.user_id, base.session_id, base.event_type, base.product_id, cast(base.event_at as string)
        ))) as event_id,
        base.user_id,
        base.product_id,
        base.session_id,
        coalesce(words.event_type, base.event_type) as event_type,
        base.event_at,
        base.dwell_seconds,
        base.query,
        base.price,
        base.quantity,
        base.brand,
        base.category,
        {{ local_date('base.event_at') }} as event_on,
        base.x_columns,
        base.source_row,
        {{ reject_reasons({
            "MISSING_USER_ID": "base.user_id is null",
            "MISSING_EVENT_TYPE": "base.event_type is null",
            "MISSING_EVENT_AT": "base.event_at is null",
            "UNKNOWN_USER": "base.user_id is not null and known_users.user_id is null and shop.has_users",
            "FUTURE_DATE": "base.event_at >= " ~ utc_midnight("as_of.data_until"),
            "IMPLAUSIBLE_DATE": "base.event_at < timestamp '1970-01-01'",
            "UNKNOWN_EVENT_TYPE": "base.event_type is not null and words.event_type is null",
            "NEGATIVE_QUANTITY": "quantity < 0",
            "NEGATIVE_PRICE": "price < 0",
            "NEGATIVE_DWELL": "dwell_seconds < 0",
            "IMPLAUSIBLE_QUANTITY": "quantity > " ~ largest_quantity(),
            "IMPLAUSIBLE_PRICE": "greatest(price, cast(price as double) * quantity) > " ~ largest_amount(),
            "IMPLAUSIBLE_DWELL": "dwell_seconds > " ~ longest_dwell_seconds()
        }) }} as broken_rules
    from base
    cross join as_of
    cross join shop
    left join known_users on base.user_id = known_users.user_id
    left join words on lower(base.event_type) = words.word

),

{{ numbered_copies(['event_id'], 'event_at, user_id, product_id') }},

final as (

    select
        event_id,
        user_id,
        product_id,
        session_id,
        event_type,
        event_at,
        dwell_seconds,
        query,
        price,
        quantity,
        brand,
        category,
        event_on,
        x_columns,
        case
            when is_clean and copy_number > 1 then {{ array_of(["'DUPLICATE_KEY'"]) }}
            else broken_rules
        end as reject_reasons,
        case when not is_clean or copy_number > 1 then coalesce(source_row, {{ json_object([
            'event_id',
            'user_id',
            'product_id',
            'session_id',
            'event_type',
            'event_at',
            'dwell_seconds',
            'query',
            'price',
            'quantity',
            'brand',
            'category',
            'event_on',
            'x_columns'
        ]) }}) end as rejected_row
    from numbered

)

select * from final
