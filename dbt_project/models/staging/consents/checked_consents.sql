-- consents: typed, with the code of every contract rule a row breaks
{% set purpose = "replace(lower(trim(base.purpose)), 'personalization', 'personalisation')" -%}
with base as {{ inlined() }}(

    select * from {{ ref('base_consents') }}

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
        {{ purpose }} as purpose,
        base.changed_at,
        base.granted,
        base.x_columns,
        base.source_row,
        {{ reject_reasons({
            "MISSING_USER_ID": "base.user_id is null",
            "MISSING_PURPOSE": "base.purpose is null",
            "MISSING_CHANGED_AT": "base.changed_at is null",
            "MISSING_GRANTED": "base.granted is null",
            "UNKNOWN_USER": "base.user_id is not null and known_users.user_id is null and shop.has_users",
            "FUTURE_DATE": "base.changed_at >= " ~ utc_midnight("as_of.data_until"),
            "IMPLAUSIBLE_DATE": "base.changed_at < timestamp '1970-01-01'",
            "UNKNOWN_PURPOSE": purpose ~ " not in ('marketing', 'personalisation', 'ads')"
        }) }} as broken_rules
    from base
    cross join as_of
    cross join shop
    left join known_users on base.user_id = known_users.user_id

),

{{ numbered_copies(['user_id', 'purpose', 'changed_at'], 'granted') }},

final as (

    select
        user_id,
        purpose,
        changed_at,
        granted,
        x_columns,
        case
            when is_clean and copy_number > 1 then {{ array_of(["'DUPLICATE_KEY'"]) }}
            else broken_rules
        end as reject_reasons,
        case when not is_clean or copy_number > 1 then coalesce(source_row, {{ json_object([
            'user_id',
            'purpose',
            'changed_at',
            'granted',
            'x_columns'
        ]) }}) end as rejected_row
    from numbered

)

select * from final
