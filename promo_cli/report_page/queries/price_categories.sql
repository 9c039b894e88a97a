-- the categories with most personal prices: how deep they go below list and below the price without the person
with policy as (
    select value as min_people from policies.policy_values
    where name = 'min_audience_size'
)

select
    category,
    count(*) as prices,
    count(distinct product_id) as products,
    1 - avg(personal_price / nullif(list_price, 0)) as below_list,
    1 - avg(personal_price / nullif(non_personal_price, 0)) as below_non_personal,
    count(*) filter (where is_personalised) / count(*) as personalised_share,
    mode(binding_guardrail) as commonest_guardrail
from promotions.dynamic_prices
group by category
having count(distinct user_id) >= (select min_people from policy)
order by count(*) filter (where is_personalised) desc, category
limit 12
