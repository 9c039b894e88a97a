-- the days of each campaign in the shop's calendar
select
    campaign_id,
    {{ local_date('starts_at') }} as starts_on,
    -- the first day on which it is over: a campaign that ends in the middle of a day runs on that day
    case
        when {{ local_timestamp('ends_at') }} = cast({{ local_date('ends_at') }} as timestamp) then {{ local_date('ends_at') }}
        else {{ add_days(local_date('ends_at'), 1) }}
    end as ends_on
from {{ ref('stg_campaigns') }}
