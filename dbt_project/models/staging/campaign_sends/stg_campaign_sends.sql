-- campaign sends that keep the contract
select
    campaign_id,
    user_id,
    sent_at,
    treated,
    sent_on,
    x_columns
from {{ ref('checked_campaign_sends') }}
where {{ array_size('reject_reasons') }} = 0
