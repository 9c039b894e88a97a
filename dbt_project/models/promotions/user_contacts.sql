-- how often each user was reached with promotions lately: one contact is one campaign on one day, sent or offered
{{ config(materialized='table') }}
with dates as (

    {{ scoring_day() }}

),

contacts as (

    select
        user_id,
        campaign_id,
        as_of_date as contacted_on
    from {{ earlier_offers() }}

    union

    select
        user_id,
        campaign_id,
        sent_on as contacted_on
    from {{ ref('stg_campaign_sends') }}
    where treated

),

final as (

    select
        dates.as_of_date,
        contacts.user_id,
        cast(sum(
            case when contacts.contacted_on >= {{ add_days('dates.as_of_date', -7) }} then 1 else 0 end
        ) as integer) as contacts_7d,
        cast(count(*) as integer) as contacts_31d
    from contacts
    inner join dates
        on
            contacts.contacted_on < dates.as_of_date
            and contacts.contacted_on >= {{ add_days('dates.as_of_date', -31) }}
    group by dates.as_of_date, contacts.user_id

)

select * from final
