-- what each user may be sent and shown: consent by purpose, and the control group
with as_of_dates as (

    select as_of_date from {{ ref('as_of_dates') }}

),

latest as (

    select
        as_of_dates.as_of_date,
        consents.user_id,
        consents.purpose,
        max_by(consents.granted, consents.changed_at) as granted
    from {{ ref('stg_consents') }} as consents
    inner join as_of_dates on consents.changed_at < {{ utc_midnight('as_of_dates.as_of_date') }}
    group by as_of_dates.as_of_date, consents.user_id, consents.purpose

),

by_purpose as (

    select
        as_of_date,
        user_id,
        bool_or(purpose = 'marketing' and granted) as marketing,
        bool_or(purpose = 'marketing') as said_marketing,
        bool_or(purpose = 'personalisation' and granted) as personalisation,
        bool_or(purpose = 'personalisation') as said_personalisation,
        bool_or(purpose = 'ads' and granted) as ads,
        bool_or(purpose = 'ads') as said_ads
    from latest
    group by as_of_date, user_id

),

-- a bucket never moves: a user in the control stays in it while the control grows
buckets as (

    select
        known.as_of_date,
        known.user_id,
        user_keys.holdout_bucket
    from {{ ref('known_users') }} as known
    inner join {{ ref('user_keys') }} as user_keys on known.user_id = user_keys.user_id

),

final as (

    select
        buckets.as_of_date,
        buckets.user_id,
        {% for purpose in ['marketing', 'personalisation', 'ads'] -%}
        case
            when by_purpose.said_{{ purpose }} then by_purpose.{{ purpose }} else {{ var('default_consent') }}
        end as {{ purpose }}_consent,
        {% endfor -%}
        buckets.holdout_bucket < {{ policy_value('holdout_percent') }} * 100 as is_holdout
    from buckets
    left join by_purpose
        on buckets.user_id = by_purpose.user_id and buckets.as_of_date = by_purpose.as_of_date

)

select * from final
