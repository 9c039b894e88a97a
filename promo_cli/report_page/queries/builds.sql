-- the last builds: how long they took and what their tests said
select
    build_id,
    started_at,
    epoch(finished_at - started_at) as seconds,
    outcome,
    models_built,
    tests_passed,
    tests_warned,
    tests_failed,
    offerhouse_version,
    duckdb_version
from audits.builds
order by started_at desc
limit 20
