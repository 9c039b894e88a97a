-- every price ends as its category's policy says, unless no such price lies between floor and list price
{{ config(meta={'by_user': true}) }}
select
    prices.user_id,
    prices.product_id,
    prices.personal_price,
    prices.non_personal_price
from {{ ref('dynamic_prices') }} as prices
inner join {{ ref('market_prices') }} as market on prices.product_id = market.product_id
where
    (
        prices.personal_price <> prices.list_price
        and (prices.personal_price - market.price_ending) % market.price_step <> 0
    )
    or (
        prices.non_personal_price <> prices.list_price
        and (prices.non_personal_price - market.price_ending) % market.price_step <> 0
    )
