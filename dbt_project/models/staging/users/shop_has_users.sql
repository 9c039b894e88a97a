-- whether the shop brings users that keep the contract: then others are unknown
select count(*) > 0 as has_users
from {{ ref('checked_users') }}
where {{ array_size('reject_reasons') }} = 0
