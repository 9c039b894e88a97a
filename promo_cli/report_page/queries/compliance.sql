-- the rules of law and policy: what was checked, and how often each is broken
select
    rule,
    sentence,
    source,
    rows_checked,
    violations,
    evidence_query
from audits.compliance
order by violations desc, rule
