-- rows that broke the contract, by the first reason
select
    table_name,
    reason,
    count(*) as reject_count
from audits.rejected_rows
group by table_name, reason
order by reject_count desc, table_name, reason
limit 20
