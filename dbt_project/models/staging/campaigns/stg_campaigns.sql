-- campaigns that keep the contract
select
    campaign_id,
    campaign_name,
    campaign_kind,
    starts_at,
    ends_at,
    budget,
    x_columns
from {{ ref('checked_campaigns') }}
where {{ array_size('reject_reasons') }} = 0
