-- offer feedback: typed, with the code of every contract rule a row breaks
with base as {{ inlined() }}(

    select * from {{ ref('base_offer_feedback') }}

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
        base.user_id,
        base.offer_id,
        base.given_at,
        base.verdict,
        base.x_columns,
        base.source_row,
        {{ reject_reasons({
            "MISSING_USER_ID": "base.user_id is null",
            "MISSING_OFFER_ID": "base.offer_id is null",
            "MISSING_GIVEN_AT": "base.given_at is null",
            "MISSING_VERDICT": "base.verdict is null",
            "UNKNOWN_USER": "base.user_id is not null and known_users.user_id is null and shop.has_users",
            "FUTURE_DATE": "base.given_at >= " ~ utc_midnight("as_of.data_until"),
            "IMPLAUSIBLE_DATE": "base.given_at < timestamp '1970-01-01'",
            "UNKNOWN_VERDICT": "verdict not in ('like', 'dislike', 'hide', 'used')"
        }) }} as broken_rules
    from base
    cross join as_of
    cross join shop
    left join known_users on base.user_id = known_users.user_id

),

-- of several verdicts of one moment a hide counts: what else was said doesn't undo it
{{ numbered_copies(['user_id', 'offer_id', 'given_at'], "case when verdict = 'hide' then 1 else 2 end, verdict") }},

final as (

    select
        user_id,
        offer_id,
        given_at,
        verdict,
        x_columns,
        case
            when is_clean and copy_number > 1 then {{ array_of(["'DUPLICATE_KEY'"]) }}
            else broken_rules
        end as reject_reasons,
        case when not is_clean or copy_number > 1 then coalesce(source_row, {{ json_object([
            'user_id',
            'offer_id',
            'given_at',
            'verdict',
            'x_columns'
        ]) }}) end as rejected_row
    from numbered

)

select * from final
