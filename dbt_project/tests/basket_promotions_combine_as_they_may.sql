-- in a basket one promotion of a group applies, and one that can't be combined applies alone
with applied as (

    select
        promotions.basket_id,
        offers.exclusive_group,
        offers.is_stackable
    from {{ ref('basket_promotions') }} as promotions
    inner join {{ ref('basket_offers') }} as offers
        on promotions.basket_id = offers.basket_id and promotions.offer_id = offers.offer_id
    where promotions.is_applied

)

select basket_id
from applied
where exclusive_group is not null
group by basket_id, exclusive_group
having count(*) > 1

union all

select basket_id
from applied
group by basket_id
having count(*) > 1 and not bool_and(is_stackable)
