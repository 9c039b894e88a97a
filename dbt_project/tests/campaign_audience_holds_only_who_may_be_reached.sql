-- nobody in an audience is in the control group or has not agreed to marketing
{{ config(meta={'by_user': true}) }}
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
left join {{ ref('risk_scores') }} as risk on audience.user_id = risk.user_id
where permissions.user_id is null or risk.is_flagged
