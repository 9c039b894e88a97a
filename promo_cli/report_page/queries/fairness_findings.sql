-- the comparisons that stand out, worst first: a group's figure beside that of its reference group, with its interval
select
    verdict,
    decision,
    measure,
    attribute,
    group_name,
    users as people,
    value,
    reference_group,
    reference_value,
    comparison,
    compared_value,
    compared_low,
    compared_high,
    least,
    most
from audits.fairness
where verdict in ('violated', 'suspected')
order by verdict desc, abs(ln(greatest(compared_value, 0.000001))) desc, measure, attribute, group_name
limit 25
