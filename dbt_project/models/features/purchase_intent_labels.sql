-- did a user buy anything in the days after the as-of date; only where those days are over, for users seen buying before
with users as (

    select
        features.as_of_date,
        features.user_id
    from {{ ref('user_features') }} as features
    inner join {{ ref('as_of_dates') }} as dates on features.as_of_date = dates.as_of_date
    where
        features.recency_days is not null
        and {{ add_days('dates.as_of_date', var('intent_days')) }} <= dates.data_until

),

bought as (

    select distinct
        dates.as_of_date,
        days.user_id
    from {{ ref('user_activity_days') }} as days
    inner join {{ ref('as_of_dates') }} as dates
        on
            days.activity_date >= dates.as_of_date
            and days.activity_date < {{ add_days('dates.as_of_date', var('intent_days')) }}
    where days.event_type = 'purchase'

),

final as (

    select
        users.as_of_date,
        users.user_id,
        bought.user_id is not null as is_buyer
    from users
    left join bought on users.as_of_date = bought.as_of_date and users.user_id = bought.user_id

)

select * from final
