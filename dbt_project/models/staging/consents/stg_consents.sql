-- consents that keep the contract
select
    user_id,
    purpose,
    changed_at,
    granted,
    x_columns
from {{ ref('checked_consents') }}
where {{ array_size('reject_reasons') }} = 0
