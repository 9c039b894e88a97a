-- today's offers by promotion, the largest first; promotions with fewer than min_audience_size people stand together
with policy as (
    select value as min_people from policies.policy_values
    where name = 'min_audience_size'
),

today as (
    select *
    from promotions.offers
    where as_of_date = (select max(as_of_date) from promotions.user_segments)
),

sized as (
    select
        promotion_id,
        count(distinct user_id) >= any_value(policy.min_people) as is_shown
    from today, policy
    group by promotion_id
),

ranked as (
    select
        sized.promotion_id,
        sized.is_shown,
        row_number() over (order by sized.is_shown desc, count(*) desc, sized.promotion_id) as place
    from sized
    inner join today on sized.promotion_id = today.promotion_id
    group by sized.promotion_id, sized.is_shown
),

gathered as (
    select
        today.user_id,
        today.reserved_budget,
        today.redemption_score,
        today.expected_margin,
        today.promotion_id,
        ranked.is_shown and ranked.place <= 20 as is_own_row,
        case when ranked.is_shown and ranked.place <= 20 then today.promotion_id end as row_key,
        case when ranked.is_shown and ranked.place <= 20 then today.promotion_name end as promotion_name,
        case when ranked.is_shown and ranked.place <= 20 then today.kind end as kind
    from today
    inner join ranked on today.promotion_id = ranked.promotion_id
)

select
    row_key as promotion_id,
    max(promotion_name) as promotion_name,
    max(kind) as kind,
    count(distinct promotion_id) as promotions,
    count(distinct user_id) as people,
    count(*) as offers,
    sum(redemption_score) as expected_uses,
    sum(reserved_budget) as reserved,
    sum(expected_margin) as expected_margin
from gathered
group by row_key
having count(distinct user_id) >= (select min_people from policy)
order by bool_and(is_own_row) desc, offers desc, row_key
