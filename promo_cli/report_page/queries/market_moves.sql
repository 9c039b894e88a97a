-- how far demand, stock and competitors move prices from list price, in steps of five percent: -5 is 0 to 5 % below it
with moved as (
    select
        sign(market_price - list_price) * 5 * ceil(20 * abs(market_price / list_price - 1) - 0.000001) as move,
        case
            when demand_factor = 1 and stock_factor = 1 and competitor_factor = 1 then 'none'
            when stock_factor = 1 and competitor_factor = 1 then 'demand'
            when demand_factor = 1 and competitor_factor = 1 then 'stock'
            when demand_factor = 1 and stock_factor = 1 then 'competitor'
            else 'several'
        end as moved_by
    from promotions.market_prices
    where list_price > 0
)

select
    move,
    moved_by,
    count(*) as products
from moved
group by move, moved_by
order by move, moved_by
