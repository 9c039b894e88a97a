-- the price of each considered product for each user, how it came about, and the price without the person
with priced as (

    select
        considered.as_of_date,
        considered.user_id,
        considered.product_id,
        considered.is_personal,
        considered.interest,
        considered.max_interest,
        market.category,
        market.list_price,
        market.demand_factor,
        market.stock_factor,
        market.competitor_factor,
        market.market_price,
        market.price_floor,
        market.floor_guardrail,
        market.prior_price,
        market.reduction_began_on,
        market.discount_response,
        market.response_floor,
        market.last_price,
        market.max_step,
        market.price_step,
        market.price_ending,
        market.bounded_market_price,
        market.non_personal_price,
        market.k_share * market.market_price as k,
        considered.price_sensitivity
    from {{ ref('considered_products') }} as considered
    inner join {{ ref('market_prices') }} as market
        on considered.as_of_date = market.as_of_date and considered.product_id = market.product_id

),

-- P(u,p) = P0 + k · (1 − I(u,p) / I_max), k scaled by the user's price sensitivity
personal as (

    select
        *,
        case
            when is_personal
                then coalesce(market_price + k * price_sensitivity * (1 - interest / nullif(max_interest, 0)), market_price)
            else market_price
        end as formula_price
    from priced

),

bounded as (

    select
        *,
        {{ within_bounds(within_response('formula_price')) }} as bounded_price
    from personal

),

guarded as (

    select
        *,
        {{ binding_guardrail('formula_price', 'bounded_price', 'bounded_market_price') }} as binding_guardrail,
        case
            when {{ is_withdrawn('bounded_price', 'bounded_market_price') }} then bounded_market_price
            else bounded_price
        end as guarded_price
    from bounded

),

endings as (

    select
        *,
        {{ ending_below('guarded_price') }} as personal_ending
    from guarded

),

rounded as (

    select
        *,
        {{ price_with_ending('personal_ending') }} as personal_price
    from endings

),

final as (

    select
        as_of_date,
        user_id,
        product_id,
        category,
        list_price,
        demand_factor,
        stock_factor,
        competitor_factor,
        cast(market_price as double) as market_price,
        interest,
        cast(interest / nullif(max_interest, 0) as double) as relative_interest,
        price_sensitivity,
        cast(formula_price as double) as formula_price,
        cast(price_floor as double) as price_floor,
        cast(response_floor as double) as response_floor,
        binding_guardrail,
        cast(guarded_price as double) as guarded_price,
        personal_price,
        non_personal_price,
        personal_price <> non_personal_price as is_personalised,
        case when personal_price <> non_personal_price then '{{ var('personalised_price_disclosure') }}' end as disclosure,
        prior_price,
        reduction_began_on,
        case
            when personal_price < prior_price
                then cast(floor(100 * (prior_price - personal_price) / prior_price + 0.000001) as integer)
        end as announced_discount_percent,
        concat_ws(
            '', 'List price ', cast(list_price as string),
            ', market price ', cast(cast(market_price as decimal(18, 2)) as string),
            case
                when not is_personal then '; the user refused personalisation, so the market price holds'
                when max_interest is null then '; nothing is known of what the user likes, so the market price holds'
                else concat_ws(
                    '', '; interest is ', cast(cast(round(100 * interest / nullif(max_interest, 0)) as integer) as string),
                    ' % of the highest of this user, so the formula gives ', cast(cast(formula_price as decimal(18, 2)) as string)
                )
            end,
            case binding_guardrail
                when 'LIST_PRICE' then '; held at the list price'
                when 'PRIOR_PRICE'
                    then concat_ws(
                        '', '; the cut is withdrawn because it is not below the prior price ', cast(prior_price as string),
                        ', the lowest before ',
                        case
                            when reduction_began_on is null then 'today'
                            else concat_ws('', 'the reduction of ', cast(reduction_began_on as string))
                        end
                    )
                when 'RESPONSE'
                    then concat_ws(
                        '', '; units of the category change by ', cast(cast(-discount_response as decimal(18, 2)) as string),
                        ' % for a cut by 1 %, so a cut ',
                        case
                            when response_floor >= market_price then 'does not pay and is not made'
                            else concat_ws('', 'below ', cast(cast(response_floor as decimal(18, 2)) as string), ' does not pay')
                        end
                    )
                when 'MARGIN_FLOOR' then '; raised to the margin floor'
                when 'MAX_DISCOUNT' then '; raised to the deepest discount allowed'
                when 'MAX_STEP' then '; held to the largest step from the last price'
                else ''
            end,
            '; price ', cast(personal_price as string),
            case
                when personal_price <> non_personal_price
                    then concat_ws('', ', without personalisation ', cast(non_personal_price as string))
            end,
            '.'
        ) as reason
    from rounded

)

select * from final
