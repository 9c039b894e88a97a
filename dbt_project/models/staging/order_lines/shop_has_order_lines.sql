-- whether the shop brings order lines that keep the contract: then purchase events are none
select count(*) > 0 as has_order_lines
from {{ ref('checked_order_lines') }}
where {{ array_size('reject_reasons') }} = 0
