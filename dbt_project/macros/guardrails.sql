{#
    The guardrails of a price, in their order: list price, prior price, response, margin floor (or deepest discount), largest step.
    All are bounds, and a price rests on the tightest: that one is the binding guardrail, the first of them where several say the
    same. Where bounds contradict each other, list price goes before floor and both before the largest step.
    Used on a relation with the columns of promotions.market_prices.
#}

{# The largest step and the bounds that nothing may break; where the last price is unknown, no step is too large. #}
{% macro within_bounds(price) -%}
    least(list_price, greatest(
        price_floor, least((1 + max_step) * last_price, greatest((1 - max_step) * last_price, {{ price }}))
    ))
{%- endmacro %}

{# A cut against the market price goes no deeper than pays. #}
{% macro within_response(price) -%}
    case when {{ price }} < market_price then greatest({{ price }}, response_floor) else {{ price }} end
{%- endmacro %}

{# A cut that isn't below the prior price can't be announced as a reduction: it is withdrawn. #}
{% macro is_withdrawn(price, non_personal_price) -%}
    coalesce({{ price }} < {{ non_personal_price }} and {{ price }} >= prior_price, false)
{%- endmacro %}

{# The name of the guardrail that `bounded`, what the bounds made of `price`, is equal to; null where it is the price itself. #}
{% macro binding_guardrail(price, bounded, is_withdrawn) -%}
    case
        when {{ is_withdrawn }} then 'PRIOR_PRICE'
        when {{ bounded }} = {{ price }} then null
        when {{ bounded }} = list_price and {{ bounded }} < {{ price }} then 'LIST_PRICE'
        when {{ bounded }} = {{ within_response(price) }} then 'RESPONSE'
        when {{ bounded }} = price_floor then floor_guardrail
        -- above the formula, where the largest step asks for more than the list price
        when {{ bounded }} = list_price then 'LIST_PRICE'
        else 'MAX_STEP'
    end
{%- endmacro %}

{# The nearest allowed ending at a price or below it. #}
{% macro ending_below(price) -%}
    floor(({{ price }} - price_ending) / price_step + 0.000001) * price_step + price_ending
{%- endmacro %}

{#
    Money, rounded once: the ending `below`, a column, else the one above it, within the largest step where one lies there; where
    none lies between floor and list price, the list price as it stands.
#}
{% macro price_with_ending(below) -%}
    cast(case
        when {{ below }} >= greatest(price_floor, (1 - max_step) * last_price) - 0.000001 and {{ below }} > 0 then {{ below }}
        when {{ below }} + price_step <= least(list_price, (1 + max_step) * last_price) + 0.000001 then {{ below }} + price_step
        when {{ below }} >= price_floor - 0.000001 and {{ below }} > 0 then {{ below }}
        when {{ below }} + price_step <= list_price + 0.000001 then {{ below }} + price_step
        else list_price
    end as decimal(18, 2))
{%- endmacro %}

{#
    The price at which a cut of `price` stops paying, by the elasticity of units to the depth of a promotion: sales go with
    price^elasticity, so (price − cost) × price^elasticity is highest at cost × elasticity / (1 + elasticity), and no cut pays where
    the elasticity is above −1. Of an unknown cost only that is certain. Null elasticity: nothing is known, nothing is held.
#}
{% macro response_floor(price, unit_cost, elasticity) -%}
    case
        when {{ elasticity }} >= -1 then {{ price }}
        when {{ elasticity }} < -1 then least({{ price }}, coalesce({{ unit_cost }}, 0) * {{ elasticity }} / (1 + {{ elasticity }}))
    end
{%- endmacro %}
