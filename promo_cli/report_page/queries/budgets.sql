-- what is spent of each budget, set aside for open offers, and left; what is set aside for few people is not shown
with policy as (
    select value as min_people from policies.policy_values
    where name = 'min_audience_size'
),

terms as (
    select
        promotion_id,
        promotion_name,
        campaign_name,
        budget_id,
        budget,
        budget_spent
    from promotions.promotion_terms
    where budget is not null and not is_over
),

held as (
    select
        promotion_id,
        user_id,
        reserved_budget
    from promotions.offers
    where as_of_date = (select max(as_of_date) from promotions.user_segments)
    union all
    select
        promotion_id,
        user_id,
        reserved_budget
    from promotions.reservations
),

budgets as (
    select
        budget_id,
        case when count(*) = 1 then max(promotion_name) else max(campaign_name) end as budget_name,
        max(budget) as budget,
        max(budget_spent) as spent
    from terms
    group by budget_id
),

reserved as (
    select
        terms.budget_id,
        sum(held.reserved_budget) as reserved,
        count(distinct held.user_id) as people
    from terms
    inner join held on terms.promotion_id = held.promotion_id
    group by terms.budget_id
)

select
    budgets.budget_id,
    budgets.budget_name,
    budgets.budget,
    budgets.spent,
    case when coalesce(reserved.people, 0) = 0 then 0 when reserved.people >= policy.min_people then reserved.reserved end
        as reserved,
    case
        when coalesce(reserved.people, 0) = 0 or reserved.people >= policy.min_people
            then greatest(budgets.budget - budgets.spent - coalesce(reserved.reserved, 0), 0)
    end as budget_left,
    prices.price as worth_of_one_more
from budgets
cross join policy
left join reserved on budgets.budget_id = reserved.budget_id
left join promotions.budget_prices as prices on budgets.budget_id = prices.resource_id and prices.resource = 'budget'
order by budgets.budget desc, budgets.budget_id
