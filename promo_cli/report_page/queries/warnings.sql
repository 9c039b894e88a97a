-- tests of the published build that warn
select
    node,
    outcome,
    failing_rows
from audits.build_nodes
where
    build_id = (select max(build_id) from audits.publication)
    and outcome in ('warn', 'fail', 'error')
order by node
