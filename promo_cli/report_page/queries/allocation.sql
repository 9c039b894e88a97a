-- what became of the pairs of a person and a promotion they may have: an offer, or what they gave way to
with policy as (
    select value as min_people from policies.policy_values
    where name = 'min_audience_size'
)

select
    decision,
    count(*) as pairs,
    count(distinct user_id) as people
from promotions.allocation
group by decision
having count(distinct user_id) >= (select min_people from policy)
order by pairs desc, decision
