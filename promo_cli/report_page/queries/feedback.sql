-- do people do what their verdicts on offers foretell?
select
    verdict,
    outcome,
    users as people,
    rate,
    silent_rate,
    difference,
    difference_low,
    difference_high,
    finding
from audits.feedback_effect
where
    finding <> 'too_few'
    and users >= (
        select value from policies.policy_values
        where name = 'min_audience_size'
    )
order by verdict, outcome
