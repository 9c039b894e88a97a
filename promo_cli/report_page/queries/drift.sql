-- the inputs and scores that moved furthest from what their model was trained on
select
    model_name,
    input,
    psi,
    threshold,
    is_drifting,
    missing_then,
    missing_now
from audits.score_drift
order by is_drifting desc, psi desc, model_name, input
limit 25
