-- who had signed up or done anything before the as-of date; on the day that data are read until, everybody the shop has
with as_of_dates as (

    select
        as_of_date,
        data_until
    from {{ ref('as_of_dates') }}

),

users as (

    select
        user_id,
        {{ local_date('signed_up_at') }} as signed_up_on
    from {{ ref('stg_users') }}

),

seen as (

    select
        user_id,
        min(activity_date) as first_seen_on
    from {{ ref('user_activity_days') }}
    group by user_id

),

final as (

    select
        as_of_dates.as_of_date,
        users.user_id
    from users
    cross join as_of_dates
    left join seen on users.user_id = seen.user_id
    where
        as_of_dates.as_of_date >= as_of_dates.data_until
        or users.signed_up_on < as_of_dates.as_of_date
        or seen.first_seen_on < as_of_dates.as_of_date

)

select * from final
