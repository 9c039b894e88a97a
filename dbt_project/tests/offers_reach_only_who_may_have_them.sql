-- today's offers: none beyond the policy's number a user, none to the control group, none without consent
with offers as (

    select
        as_of_date,
        user_id,
        count(*) as offers
    from {{ ref('offers') }}
    group by as_of_date, user_id

)

select offers.*
from offers
inner join {{ ref('as_of_dates') }} as dates
    on offers.as_of_date = dates.as_of_date and offers.as_of_date = dates.data_until
left join {{ ref('user_permissions') }} as permissions
    on
        offers.as_of_date = permissions.as_of_date
        and offers.user_id = permissions.user_id
        and permissions.marketing_consent
        and not permissions.is_holdout
        and permissions.user_id not in (select user_id from {{ ref('risk_scores') }} where is_flagged)
where
    permissions.user_id is null
    or offers.offers > {{ policy_value('max_offers_per_user') }}
