{#
    The arithmetic of baskets, in whole numbers: cents, and millionths of a cent ("parts") for what is yet to be rounded. So it is
    the same whatever the order of the rows. Percentages have two decimals, so what is exact is a multiple of a hundred parts.
#}
{% macro parts_per_cent() %}1000000{% endmacro %}

{# Whole cents as money. #}
{% macro cents_as_money(cents) %}cast(({{ cents }}) * 0.01 as decimal(18, 2)){% endmacro %}

{# Parts as the nearest whole cent, half a cent up; what shares of it may have lost, a part each, doesn't count. #}
{% macro cents_half_up(parts) -%}
    {{ whole_quotient(parts ~ ' + 500050', parts_per_cent()) }}
{%- endmacro %}

{#
    Where a promotion stands in the order of computation: 1 item, 2 order threshold, 3 coupon, 4 points, which change no price. The
    kind of the shop's own coupon is the shop's word, and says nothing.
#}
{% macro basket_step(kind, product_id, is_shops_coupon) -%}
    case
        when {{ is_shops_coupon }} then 3
        when {{ kind }} = 'points_multiplier' then 4
        when {{ kind }} = 'spend_threshold' then 2
        -- a benefit for the whole basket is a coupon, whatever its occasion
        when
            ({{ kind }} in {{ product_kinds() }} or {{ kind }} = 'festival')
            and {{ product_id }} is not null
            then 1
        else 3
    end
{%- endmacro %}

{# The least one unit may come to, never more than it costs anyway. A product without a policy can't be reduced. #}
{% macro basket_unit_floor(unit_price, unit_floor) -%}
    cast(least({{ unit_price }}, coalesce({{ unit_floor }}, {{ unit_price }})) as decimal(18, 6))
{%- endmacro %}

{# The least one unit may come to by its cost: columns unit_cost and min_margin, of which more than 9,999-fold is no more. #}
{% macro unit_cost_floor() -%}
    cast(unit_cost as decimal(28, 2)) * cast(least(1 + min_margin, 10000) as decimal(9, 4))
{%- endmacro %}

{# The least that so many units may come to, in cents, rounded up; never more than they cost anyway. #}
{% macro basket_floor_cents(unit_floor, quantity, amount_cents) -%}
    cast(least({{ amount_cents }}, -floor(-{{ unit_floor }} * cast({{ quantity }} as decimal(20, 3)) * 100)) as decimal(18, 0))
{%- endmacro %}

{# What promotions compete by: the margin they are expected to bring, or what the customer saves, as their policy says. #}
{% macro basket_value(is_for_customer, discount_cents) -%}
    cast(case when {{ is_for_customer }} then {{ discount_cents }} else expected_margin end as decimal(30, 6))
{%- endmacro %}

{#
    CTEs from `opened` (matches with their level and `left_cents`, the price at which it opens) to `wished`: what each promotion
    would take off each item if the floors were its own affair, in parts. A percentage of what is left of the units covered, or an
    amount in proportion to the room above the floors; never more than that room.
#}
{% macro basket_wished() -%}
{%- set of_item = 'over (partition by basket_id, level, item_number)' -%}
{%- set hundredths = 'cast(round(percent_off * 100) as decimal(38, 0))' -%}
roomy as (

    select
        *,
        {{ whole_quotient(
            'greatest(left_cents - floor_cents, 0) * cast(' ~ parts_per_cent() ~ ' as decimal(38, 0)) * covered_thousandths',
            'quantity_thousandths'
        ) }} as room
    from opened

),

pooled as (

    select
        *,
        sum(room) over (partition by basket_id, level, offer_id) as rooms,
        sum(room) over (
            partition by basket_id, level, offer_id order by item_number rows between unbounded preceding and current row
        ) as rooms_so_far
    from roomy

),

-- percentages of a level work on what they leave of one another, so they compound and never add up to the whole
compounded as (

    select
        *,
        coalesce(percent_off / 100 * covered_thousandths / quantity_thousandths, 0) as share,
        count(percent_off) {{ of_item }} as percentages
    from pooled

),

shared as (

    select
        *,
        1 - exp({{ exact_sum('ln(greatest(1 - share, 1e-30))', of_item) }}) as joint_share,
        {{ exact_sum('share', of_item) }} as shares
    from compounded

),

-- what the benefit would be without floors: of a percentage the item's part, of an amount the whole
asked as (

    select
        *,
        case
            when percent_off is not null and percentages = 1
                then {{ whole_quotient(
                    'left_cents * ' ~ hundredths ~ ' * ' ~ parts_per_cent() ~ ' * covered_thousandths',
                    '10000 * quantity_thousandths'
                ) }}
            when percent_off is not null
                then cast(round(left_cents * {{ parts_per_cent() }} * share * joint_share / nullif(shares, 0)) as decimal(38, 0))
            when amount_off is not null
                then cast(amount_off as decimal(28, 2)) * 100 * {{ parts_per_cent() }}
        end as asked
    from shared

),

wished as (

    select
        *,
        coalesce(case
            when percent_off is not null then least(room, asked)
            -- shares of a running total, so that no part is lost
            when amount_off is not null
                then {{ whole_quotient('least(asked, rooms) * rooms_so_far', 'rooms') }}
                - {{ whole_quotient('least(asked, rooms) * (rooms_so_far - room)', 'rooms') }}
        end, 0) as wish
    from asked

)
{%- endmacro %}

{#
    CTEs from `wished` to `taken`: what each promotion takes off each item, in parts. Promotions of a level look at the same
    prices, so their order doesn't matter. Where together they would go below a floor, those that end at that floor or above it give way in
    equal proportion.
#}
{% macro basket_taken() -%}
{%- set fine = '1000000000000' -%}

scaled as (

    select
        *,
        least({{ fine }}, coalesce({{ whole_quotient(
            'greatest(left_cents - floor_cents, 0) * cast(' ~ parts_per_cent() ~ ' as decimal(38, 0)) * ' ~ fine,
            'sum(wish) over (
                partition by basket_id, level, item_number
                order by floor_cents desc range between unbounded preceding and current row
            )'
        ) }}, {{ fine }})) as scale
    from wished

),

taken as (

    select
        *,
        {{ whole_quotient('wish * min(scale) over (
            partition by basket_id, level, item_number
            order by floor_cents desc range between current row and unbounded following
        )', fine) }} as parts
    from scaled

)
{%- endmacro %}

{#
    CTEs from `unrounded` to `rounded`, which adds `cents`: the parts of a level that are rounded with one another are rounded half-up
    once; each row gets the whole cents of its parts, and the cents that are left over go to the largest remainders.
#}
{% macro rounded_together(tie_breaker) -%}
{%- set over = 'basket_id, level, rounded_with' -%}
divided as (

    select
        *,
        {{ whole_quotient('parts', parts_per_cent()) }} as whole,
        parts % {{ parts_per_cent() }} as remainder,
        {{ cents_half_up('sum(parts) over (partition by ' ~ over ~ ')') }} as together
    from unrounded

),

rounded as (

    select
        *,
        cast(whole + case
            when
                row_number() over (partition by {{ over }} order by remainder desc, {{ tie_breaker }})
                <= together - sum(whole) over (partition by {{ over }})
                then 1
            else 0
        end as decimal(18, 0)) as cents
    from divided

)
{%- endmacro %}

{#
    The recursive CTE `cascade`: the price of each item after each level. Reads the CTEs `openings` (basket_id, item_number,
    rounded_with, left_cents, level, levels: that of the opening and the last) and `played` (matches with their level).
#}
{% macro basket_cascade() -%}
cascade as (

    select
        basket_id,
        item_number,
        rounded_with,
        level,
        levels,
        left_cents,
        cast(0 as decimal(18, 0)) as discount_cents
    from openings

    union all

    (
        with opened as (

            select
                cascade.basket_id,
                cascade.item_number,
                cascade.rounded_with,
                cascade.level + 1 as level,
                cascade.levels,
                cascade.left_cents,
                played.offer_id,
                played.percent_off,
                played.amount_off,
                played.floor_cents,
                played.covered_thousandths,
                played.quantity_thousandths
            from cascade
            left join played
                on
                    cascade.basket_id = played.basket_id
                    and cascade.item_number = played.item_number
                    and cascade.level + 1 = played.level
            where cascade.level < cascade.levels

        ),

        {{ basket_wished() }},

        {{ basket_taken() }},

        unrounded as (

            select
                basket_id,
                item_number,
                rounded_with,
                level,
                levels,
                left_cents,
                sum(parts) as parts
            from taken
            group by basket_id, item_number, rounded_with, level, levels, left_cents

        ),

        {{ rounded_together('left_cents desc, item_number') }}

        select
            basket_id,
            item_number,
            rounded_with,
            level,
            levels,
            cast(left_cents - cents as decimal(18, 0)) as left_cents,
            cents as discount_cents
        from rounded
    )

)
{%- endmacro %}

{# Of a whole number, what falls to the first `done` of `whole`; 0 of nothing, null where nothing is known. #}
{% macro basket_share(number, done, whole) -%}
    case
        when {{ number }} is not null
            then coalesce({{ whole_quotient('(' ~ number ~ ') * cast(' ~ done ~ ' as decimal(38, 0))', whole) }}, 0)
    end
{%- endmacro %}

{# The matches of the promotions of some steps that have a level in `choices`, which decides per basket × offer. #}
{% macro basket_played(choices, steps) -%}
    select
        choices.level,
        matches.*
    from {{ choices }} as choices
    inner join {{ ref('basket_matches') }} as matches
        on choices.basket_id = matches.basket_id and choices.offer_id = matches.offer_id
    where choices.level is not null and {{ steps }}
{%- endmacro %}
