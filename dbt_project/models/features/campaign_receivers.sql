-- who a campaign goes to: those it was sent to; where no send is recorded yet, everyone who bought within a year before
with windows as (

    select
        as_of_date,
        campaign_id,
        receivers,
        looks_back_from
    from {{ ref('campaign_windows') }}

),

sent as (

    select
        windows.as_of_date,
        windows.campaign_id,
        sends.user_id,
        windows.looks_back_from,
        true as is_recorded
    from windows
    inner join {{ ref('stg_campaign_sends') }} as sends on windows.campaign_id = sends.campaign_id
    where sends.treated

),

planned as (

    select distinct
        windows.as_of_date,
        windows.campaign_id,
        days.user_id,
        windows.looks_back_from,
        false as is_recorded
    from windows
    inner join {{ ref('user_activity_days') }} as days
        on
            windows.looks_back_from > days.activity_date
            and {{ days_between('days.activity_date', 'windows.looks_back_from') }} <= 364
    where windows.receivers = 0 and days.event_type = 'purchase'

),

final as (

    select * from sent
    union all
    select * from planned

)

select * from final
