-- what came in with the last load, table by table, and where it ended
select
    table_name,
    rows_in,
    rows_accepted,
    rows_rejected,
    rows_left_out,
    rows_in = rows_accepted + rows_rejected + rows_left_out as adds_up
from audits.row_accounting
where rows_in > 0
order by rows_in desc, table_name
