-- where offers are made today, what is spent, set aside earlier and set aside today stays within the budget; uses within the
-- promotion's redemptions
with made as (

    select
        terms.promotion_id,
        terms.budget_id,
        terms.budget,
        terms.budget_spent,
        terms.max_redemptions,
        terms.redemptions,
        offers.reserved_budget,
        1 as is_today
    from {{ ref('offers') }} as offers
    inner join {{ ref('promotion_terms') }} as terms
        on offers.as_of_date = terms.as_of_date and offers.promotion_id = terms.promotion_id

    union all

    select
        terms.promotion_id,
        terms.budget_id,
        terms.budget,
        terms.budget_spent,
        terms.max_redemptions,
        terms.redemptions,
        reservations.reserved_budget,
        0 as is_today
    from {{ ref('reservations') }} as reservations
    inner join {{ ref('promotion_terms') }} as terms on reservations.promotion_id = terms.promotion_id

),

overspent as (

    select budget_id as broken
    from made
    group by budget_id, budget, budget_spent
    having budget_spent + sum(reserved_budget) > budget and sum(is_today) > 0

),

overused as (

    select promotion_id as broken
    from made
    group by promotion_id, max_redemptions, redemptions
    having redemptions + count(*) > max_redemptions and sum(is_today) > 0

)

select broken from overspent
union all
select broken from overused
