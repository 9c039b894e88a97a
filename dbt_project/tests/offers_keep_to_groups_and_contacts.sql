-- today's offers: none beside another open offer of its exclusive group, and no user beyond the contacts of a week
with held as (

    select
        offers.user_id,
        offers.promotion_id,
        offers.campaign_id,
        offers.exclusive_group,
        true as is_of_today
    from {{ ref('offers') }} as offers
    inner join {{ ref('as_of_dates') }} as dates
        on offers.as_of_date = dates.as_of_date and offers.as_of_date = dates.data_until

    union all

    select
        reservations.user_id,
        reservations.promotion_id,
        terms.campaign_id,
        terms.exclusive_group,
        false as is_of_today
    from {{ ref('reservations') }} as reservations
    inner join {{ ref('promotion_terms') }} as terms on reservations.promotion_id = terms.promotion_id

),

crowded as (

    select
        user_id,
        exclusive_group as broken
    from held
    where exclusive_group is not null
    group by user_id, exclusive_group
    having
        count(distinct promotion_id) > 1
        and bool_or(is_of_today)

),

contacted as (

    select
        user_id,
        count(distinct campaign_id) as contacts
    from held
    where is_of_today
    group by user_id

),

pestered as (

    select
        contacted.user_id,
        'max_contacts_7d' as broken
    from contacted
    left join {{ ref('user_contacts') }} as earlier on contacted.user_id = earlier.user_id
    where contacted.contacts + coalesce(earlier.contacts_7d, 0) > {{ policy_value('max_contacts_7d') }}

)

select * from crowded
union all
select * from pestered
