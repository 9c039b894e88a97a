-- did an active user buy nothing in the days after the as-of date; only where those days are over
with users as (

    select
        features.as_of_date,
        features.user_id,
        dates.data_until
    from {{ ref('churn_features') }} as features
    inner join {{ ref('as_of_dates') }} as dates on features.as_of_date = dates.as_of_date
    where {{ add_days('dates.as_of_date', 28) }} <= dates.data_until

),

next_purchase as (

    select
        users.as_of_date,
        users.user_id,
        min(days.activity_date) as bought_on
    from users
    inner join {{ ref('user_activity_days') }} as days
        on users.user_id = days.user_id and users.as_of_date <= days.activity_date
    where days.event_type = 'purchase'
    group by users.as_of_date, users.user_id

),

final as (

    select
        users.as_of_date,
        users.user_id,
        coalesce(next_purchase.bought_on >= {{ add_days('users.as_of_date', 28) }}, true) as is_gone_28d,
        case
            when {{ add_days('users.as_of_date', 56) }} <= users.data_until
                then coalesce(next_purchase.bought_on >= {{ add_days('users.as_of_date', 56) }}, true)
        end as is_gone_56d
    from users
    left join next_purchase
        on users.as_of_date = next_purchase.as_of_date and users.user_id = next_purchase.user_id

)

select * from final
