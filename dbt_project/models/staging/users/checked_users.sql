-- users: typed, with the code of every contract rule a row breaks
with base as {{ inlined() }}(

    select * from {{ ref('base_users') }}

),

as_of as (

    select max(data_until) as data_until
    from {{ ref('as_of_dates') }}

),

judged as {{ inlined() }}(

    select
        base.user_id,
        base.signed_up_at,
        base.birth_date,
        base.age_band,
        base.income_band,
        base.gender,
        base.region,
        base.household,
        base.country,
        base.x_columns,
        base.source_row,
        {{ reject_reasons({
            "MISSING_USER_ID": "base.user_id is null",
            "FUTURE_DATE": "base.signed_up_at >= " ~ utc_midnight("as_of.data_until"),
            "IMPLAUSIBLE_DATE": "base.signed_up_at < timestamp '1970-01-01'"
        }) }} as broken_rules
    from base
    cross join as_of

),

{{ numbered_copies(['user_id'], 'signed_up_at') }},

final as (

    select
        user_id,
        signed_up_at,
        birth_date,
        age_band,
        income_band,
        gender,
        region,
        household,
        country,
        x_columns,
        case
            when is_clean and copy_number > 1 then {{ array_of(["'DUPLICATE_KEY'"]) }}
            else broken_rules
        end as reject_reasons,
        case when not is_clean or copy_number > 1 then coalesce(source_row, {{ json_object([
            'user_id',
            'signed_up_at',
            'birth_date',
            'age_band',
            'income_band',
            'gender',
            'region',
            'household',
            'country',
            'x_columns'
        ]) }}) end as rejected_row
    from numbered

)

select * from final
