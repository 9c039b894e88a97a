-- nobody in an audience is in the control group or has not agreed to marketing
select
    audience.campaign_id,
    audience.user_id
from {{ ref('campaign_audience') }} as audience
left join {{ ref('user_permissions') }} as permissions
    on
        audience.as_of_date = permissions.as_of_date
        and audience.user_id = permissions.user_id
        and permissions.marketing_consent
        and not permissions.is_holdout
        and permissions.user_id not in (select user_id from {{ ref('risk_scores') }} where is_flagged)
where permissions.user_id is null
