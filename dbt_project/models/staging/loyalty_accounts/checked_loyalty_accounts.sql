-- loyalty accounts: typed, with the code of every contract rule a row breaks
with base as {{ inlined() }}(

    select * from {{ ref('base_loyalty_accounts') }}

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
        base.tier,
        base.points,
        base.joined_at,
        base.balance_at,
        base.x_columns,
        base.source_row,
        {{ reject_reasons({
            "MISSING_USER_ID": "base.user_id is null",
            "MISSING_TIER": "base.tier is null",
            "MISSING_POINTS": "base.points is null",
            "MISSING_JOINED_AT": "base.joined_at is null",
            "UNKNOWN_USER": "base.user_id is not null and known_users.user_id is null and shop.has_users",
            "FUTURE_DATE": "base.joined_at >= " ~ utc_midnight("as_of.data_until"),
            "IMPLAUSIBLE_DATE": "base.joined_at < timestamp '1970-01-01'",
            "IMPLAUSIBLE_POINTS": "points > " ~ largest_count() ~ " or points < -" ~ largest_count()
        }) }} as broken_rules
    from base
    cross join as_of
    cross join shop
    left join known_users on base.user_id = known_users.user_id

),

{{ numbered_copies(['user_id'], 'joined_at, tier, points, balance_at nulls last') }},

final as (

    select
        user_id,
        tier,
        points,
        joined_at,
        balance_at,
        x_columns,
        case
            when is_clean and copy_number > 1 then {{ array_of(["'DUPLICATE_KEY'"]) }}
            else broken_rules
        end as reject_reasons,
        case when not is_clean or copy_number > 1 then coalesce(source_row, {{ json_object([
            'user_id',
            'tier',
            'points',
            'joined_at',
            'balance_at',
            'x_columns'
        ]) }}) end as rejected_row
    from numbered

)

select * from final
