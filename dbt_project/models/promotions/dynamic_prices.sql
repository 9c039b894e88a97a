-- the price of each considered product for each user, how it came about, and the price without the person
select
    as_of_date,
    user_id,
    product_id,
    category,
    list_price,
    demand_factor,
    stock_factor,
    competitor_factor,
    market_price,
    interest,
    cast(interest / nullif(max_interest, 0) as double) as relative_interest,
    price_sensitivity,
    formula_price,
    price_floor,
    response_floor,
    binding_guardrail,
    guarded_price,
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
            when 'MARGIN_FLOOR' then '; held at the margin floor'
            when 'MAX_DISCOUNT' then '; held at the deepest discount allowed'
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
from {{ ref('personal_prices') }}
