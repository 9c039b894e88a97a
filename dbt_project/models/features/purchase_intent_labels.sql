-- did a user buy anything in the days after the as-of date; only where those days are over, for users seen before
with dates as (

    select
        as_of_date,
        {{ add_days('as_of_date', var('intent_days')) }} as horizon_end
    from {{ ref('as_of_dates') }}
    where {{ add_days('as_of_date', var('intent_days')) }} <= data_until

),

users as (

    select
        dates.as_of_date,
        days.user_id,
        cast(sum(days.events) as integer) as past_events,
        bool_or(days.event_type = 'purchase') as is_past_buyer
    from {{ ref('user_activity_days') }} as days
    inner join dates on days.activity_date < dates.as_of_date
    group by dates.as_of_date, days.user_id

),

bought as (

    select distinct
        dates.as_of_date,
        days.user_id
    from {{ ref('user_activity_days') }} as days
    inner join dates on days.activity_date >= dates.as_of_date and days.activity_date < dates.horizon_end
    where days.event_type = 'purchase'

),

final as (

    select
        users.as_of_date,
        users.user_id,
        users.is_past_buyer,
        users.past_events,
        bought.user_id is not null as is_buyer
    from users
    left join bought on users.as_of_date = bought.as_of_date and users.user_id = bought.user_id

)

select * from final
