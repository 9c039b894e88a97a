-- Which budget is worth raising? The shadow price is the expected margin that one more unit of money, or one more use, would
-- bring, given all other budgets; 0 where some is left over.
with refused as (

    select
        promotion_id,
        count(distinct user_id) as users_refused
    from {{ ref('refusals') }}
    where code in ('BUDGET_EXHAUSTED', 'CAP_REDEMPTIONS')
    group by promotion_id

),

-- a budget may be shared by the coupons of a campaign
promotions as (

    select
        terms.budget_id,
        string_agg(distinct terms.promotion_name, ', ' order by terms.promotion_name) as promotions,
        sum(refused.users_refused) as refusals
    from {{ ref('promotion_terms') }} as terms
    left join refused on terms.promotion_id = refused.promotion_id
    where terms.budget_id is not null
    group by terms.budget_id

),

final as (

    select
        prices.resource,
        prices.resource_id,
        promotions.promotions,
        prices.capacity,
        round(least(prices.taken / nullif(prices.capacity, 0), 1), 4) as share_taken,
        promotions.refusals,
        round(prices.price, 4) as shadow_price
    from {{ ref('budget_prices') }} as prices
    left join promotions on prices.resource_id = promotions.budget_id

)

select * from final
order by shadow_price desc, refusals desc nulls last, resource, resource_id
