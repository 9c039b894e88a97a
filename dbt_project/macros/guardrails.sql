{#
    The guardrails of a price, in their order: list price, prior price, margin floor (or deepest discount), largest step.
    The first that bites decides. Used on a relation with the columns of promotions.market_prices.
#}
{% macro binding_guardrail(price) -%}
    case
        when {{ price }} > list_price then 'LIST_PRICE'
        when {{ price }} < market_price and {{ price }} >= prior_price_30d then 'PRIOR_PRICE'
        when {{ price }} < price_floor then floor_guardrail
        when abs({{ price }} - last_price) > max_step * last_price then 'MAX_STEP'
    end
{%- endmacro %}

{# The price the guardrail asks for; the price itself where none bites. `withdrawn` is the price without the person. #}
{% macro guarded_price(price, guardrail, withdrawn) -%}
    case {{ guardrail }}
        when 'LIST_PRICE' then list_price
        -- a cut that isn't below the lowest price of the last 30 days can't be announced: it is withdrawn
        when 'PRIOR_PRICE' then {{ withdrawn }}
        when 'MARGIN_FLOOR' then price_floor
        when 'MAX_DISCOUNT' then price_floor
        when 'MAX_STEP' then greatest(price_floor, least(
            list_price, greatest((1 - max_step) * last_price, least((1 + max_step) * last_price, {{ price }}))
        ))
        else {{ price }}
    end
{%- endmacro %}

{# Money, rounded once: the nearest allowed ending below, else above, else the list price as it stands. #}
{% macro price_with_ending(price) -%}
    {%- set below = "(floor((" ~ price ~ " - price_ending) / price_step + 0.000001) * price_step + price_ending)" -%}
    cast(case
        when {{ below }} >= price_floor - 0.000001 and {{ below }} > 0 then {{ below }}
        when {{ below }} + price_step <= list_price + 0.000001 then {{ below }} + price_step
        else list_price
    end as decimal(18, 2))
{%- endmacro %}
