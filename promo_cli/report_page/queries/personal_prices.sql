-- personal prices by their distance from list price, in steps of five percent (-5 is 0 to 5 % below it), and by the
-- guardrail they rest on; what fewer than min_audience_size people would see is left out
with policy as (
    select value as min_people from policies.policy_values
    where name = 'min_audience_size'
),

prices as (
    select
        user_id,
        coalesce(binding_guardrail, 'none') as guardrail,
        sign(personal_price - list_price) * 5 * ceil(20 * abs(personal_price / list_price - 1) - 0.000001) as move
    from promotions.dynamic_prices
    where list_price > 0
)

select
    guardrail,
    move,
    count(*) as prices,
    count(distinct user_id) as people
from prices
group by rollup(guardrail, move)
having guardrail is not null and count(distinct user_id) >= (select min_people from policy)
order by guardrail, move nulls first
