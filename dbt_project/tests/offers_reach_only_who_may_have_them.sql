-- today's offers: none beyond the policy's number a user, none to the control group, none without consent
{{ config(meta={'by_user': true}) }}
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
left join {{ ref('risk_scores') }} as risk on offers.user_id = risk.user_id
where
    permissions.user_id is null
    or risk.is_flagged
    or offers.offers > {{ policy_value('max_offers_per_user') }}
