-- exactly one row of seeds/allocation_strategies.csv is in use
select count(*) as strategies_in_use
from {{ ref('allocation_strategies') }}
where is_in_use
having count(*) <> 1
