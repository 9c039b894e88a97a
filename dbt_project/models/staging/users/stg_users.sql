-- users that keep the contract; who bought or browsed, when the shop brings no users
with listed as (

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
        x_columns
    from {{ ref('checked_users') }}
    where {{ array_size('reject_reasons') }} = 0

),

seen as (

    select user_id
    from {{ ref('checked_order_lines') }}
    where {{ array_size('reject_reasons') }} = 0

    union

    select user_id
    from {{ ref('checked_events') }}
    where {{ array_size('reject_reasons') }} = 0

),

derived as (

    select
        user_id,
        cast(null as timestamp) as signed_up_at,
        cast(null as date) as birth_date,
        cast(null as string) as age_band,
        cast(null as string) as income_band,
        cast(null as string) as gender,
        cast(null as string) as region,
        cast(null as string) as household,
        cast(null as string) as country,
        cast(null as string) as x_columns
    from seen
    where not exists (select 1 from listed)

),

final as (

    select * from listed
    union all
    select * from derived

)

select * from final
