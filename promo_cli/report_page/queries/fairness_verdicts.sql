-- verdicts on the judged comparisons of groups of people, by measure
select
    measure,
    verdict,
    count(*) as comparisons
from audits.fairness
where verdict in ('violated', 'suspected', 'fair')
group by measure, verdict
order by measure, verdict
