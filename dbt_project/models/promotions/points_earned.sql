-- what gave a member points: an order line, or the balance that the shop brings along
{{ config(materialized='table') }}
with members as (

    select * from {{ ref('loyalty_members') }}

),

lines as (

    select
        lines.user_id,
        lines.order_id,
        lines.line_number,
        lines.product_id,
        lines.ordered_at,
        lines.ordered_on,
        lines.quantity,
        lines.paid_price * lines.quantity as paid
    from {{ ref('stg_order_lines') }} as lines
    inner join members on lines.user_id = members.user_id and lines.ordered_at >= members.counts_from
    where lines.paid_price * lines.quantity > 0

),

-- the spans that each line falls in; a tier is a member's whatever is bought, an offer is for what may be promoted
matched as (

    select
        lines.order_id,
        lines.line_number,
        lines.paid,
        spans.source,
        spans.source_id,
        spans.held_from,
        spans.points_multiplier,
        spans.min_spend
    from lines
    inner join {{ ref('points_multipliers') }} as spans
        on
            lines.user_id = spans.user_id
            and lines.ordered_at >= spans.held_from
            and (lines.ordered_at < spans.held_until or spans.held_until is null)
    left join {{ ref('stg_products') }} as products on lines.product_id = products.product_id
    left join {{ ref('product_policy') }} as policy on lines.product_id = policy.product_id
    where
        {{ admits('spans.categories', 'products.category') }}
        -- what the shop sells no more keeps the points that it gave
        and (spans.source = 'tier' or coalesce(policy.is_promotable, true))

),

-- a minimum counts the lines that the offer is for, as the quote of a basket does
counted as (

    select
        order_id,
        source_id,
        held_from,
        sum(paid) as paid
    from matched
    where min_spend is not null
    group by order_id, source_id, held_from

),

-- of several offers held at once the best counts, on top of the tier
multiplied as (

    select
        matched.order_id,
        matched.line_number,
        max(case when matched.source = 'tier' then matched.points_multiplier end) as tier_multiplier,
        max(case when matched.source = 'offer' then matched.points_multiplier end) as offer_multiplier
    from matched
    left join counted
        on
            matched.order_id = counted.order_id
            and matched.source_id = counted.source_id
            and matched.held_from = counted.held_from
    where matched.min_spend is null or counted.paid >= matched.min_spend
    group by matched.order_id, matched.line_number

),

earned as (

    select
        members.user_id,
        'opening' as kind,
        cast(null as string) as order_id,
        cast(null as integer) as line_number,
        members.counts_from as earned_at,
        {{ local_date('members.counts_from') }} as earned_on,
        cast(null as decimal(18, 3)) as quantity,
        cast(null as decimal(18, 2)) as paid,
        cast(null as double) as tier_multiplier,
        cast(null as double) as offer_multiplier,
        members.opening_points as points
    from members
    where members.opening_points > 0

    union all

    select
        lines.user_id,
        'earned' as kind,
        lines.order_id,
        lines.line_number,
        lines.ordered_at as earned_at,
        lines.ordered_on as earned_on,
        cast(lines.quantity as decimal(18, 3)) as quantity,
        cast(lines.paid as decimal(18, 2)) as paid,
        cast(coalesce(multiplied.tier_multiplier, 1) as double) as tier_multiplier,
        cast(coalesce(multiplied.offer_multiplier, 1) as double) as offer_multiplier,
        {{ points_for(
            'lines.paid', 'coalesce(multiplied.tier_multiplier, 1) * coalesce(multiplied.offer_multiplier, 1)'
        ) }} as points
    from lines
    left join multiplied on lines.order_id = multiplied.order_id and lines.line_number = multiplied.line_number

),

final as (

    select
        user_id,
        concat_ws('|', order_id, cast(line_number as string)) as earned_id,
        kind,
        order_id,
        line_number,
        earned_at,
        earned_on,
        {{ add_days('earned_on', policy_value('points_expire_days')) }} as expires_on,
        quantity,
        paid,
        tier_multiplier,
        offer_multiplier,
        points
    from earned
    where points > 0

)

select * from final
