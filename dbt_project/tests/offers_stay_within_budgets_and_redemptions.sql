-- what is spent and reserved stays within each promotion's budget, what is redeemed and offered within its redemptions
select
    terms.promotion_id,
    terms.budget,
    terms.budget_spent,
    terms.max_redemptions,
    terms.redemptions,
    sum(offers.reserved_budget) as reserved,
    count(*) as offered
from {{ ref('offers') }} as offers
inner join {{ ref('promotion_terms') }} as terms
    on offers.as_of_date = terms.as_of_date and offers.promotion_id = terms.promotion_id
group by terms.promotion_id, terms.budget, terms.budget_spent, terms.max_redemptions, terms.redemptions
having
    terms.budget_spent + sum(offers.reserved_budget) > terms.budget
    or terms.redemptions + count(*) > terms.max_redemptions
