-- offer feedback that keep the contract
select
    user_id,
    offer_id,
    given_at,
    verdict,
    x_columns
from {{ ref('checked_offer_feedback') }}
where {{ array_size('reject_reasons') }} = 0
