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

-- a budget may be shared by the coupons of a campaign; a bound on uses is one promotion's
final as (

    select
        prices.resource,
        prices.resource_id,
        string_agg(distinct terms.promotion_name, ', ' order by terms.promotion_name) as promotions,
        prices.capacity,
        round(least(prices.taken / nullif(prices.capacity, 0), 1), 4) as share_taken,
        sum(refused.users_refused) as refusals,
        round(prices.price, 4) as shadow_price
    from {{ ref('budget_prices') }} as prices
    left join {{ ref('promotion_terms') }} as terms
        on prices.resource_id = case prices.resource when 'budget' then terms.budget_id else terms.promotion_id end
    left join refused on terms.promotion_id = refused.promotion_id
    group by prices.resource, prices.resource_id, prices.capacity, prices.taken, prices.price

)

select * from final
order by shadow_price desc, refusals desc nulls last, resource, resource_id
