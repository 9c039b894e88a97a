-- every rule that keeps a user from a promotion that is not over, and the least change that would have turned it
-- A table in the order of users: planning these joins takes longer than a look-up may.
{{ config(materialized='table') }}

{% set lists = {'life_cycle': 'life_cycles', 'value_tier': 'value_tiers', 'intent': 'intents', 'cluster': 'clusters'} %}
with terms as (

    select
        promotion_id,
        exclusive_group,
        life_cycles,
        value_tiers,
        intents,
        clusters,
        member_tiers,
        {{ local_date('valid_from') }} as begins_on
    from {{ ref('promotion_terms') }}
    where not is_over

),

codes as (

    select
        considered.user_id,
        considered.promotion_id,
        codes.code,
        codes.bit as place,
        'eligibility' as decided_by
    from {{ ref('considered_promotions') }} as considered
    inner join {{ ref('reject_codes') }} as codes on (considered.reject_bits & codes.bit) <> 0

    union all

    select
        user_id,
        promotion_id,
        decision as code,
        1 as place,
        'allocation' as decided_by
    from {{ ref('allocation') }}
    where decision <> 'OFFERED'

),

-- each dimension of a segment that doesn't fit is a change of its own
dimensions as (

    {% for dimension in lists -%}
    select '{{ dimension }}' as dimension
    {{ "union all" if not loop.last }}
    {% endfor %}

),

bounds as (

    {% for dimension, list in lists.items() -%}
    select
        terms.promotion_id,
        '{{ dimension }}' as dimension,
        min(bounds.lowest) as lowest
    from terms
    inner join {{ ref('segment_bounds') }} as bounds
        on bounds.dimension = '{{ dimension }}' and {{ admits('terms.' ~ list, 'bounds.segment') }}
    where terms.{{ list }} is not null
    group by terms.promotion_id
    {{ "union all" if not loop.last }}
    {% endfor %}

),

tiers as (

    select
        terms.promotion_id,
        min(tiers.enter_points) as enter_points
    from terms
    inner join {{ ref('loyalty_tiers') }} as tiers on {{ admits('terms.member_tiers', 'tiers.tier') }}
    where terms.member_tiers is not null
    group by terms.promotion_id

),

-- when the open offers that stand in the way end
held as (

    select
        reservations.user_id,
        reservations.promotion_id,
        terms.exclusive_group,
        {{ local_date('reservations.valid_to') }} as ends_on
    from {{ ref('reservations') }} as reservations
    left join {{ ref('promotion_terms') }} as terms on reservations.promotion_id = terms.promotion_id

),

held_by_user as (

    select
        user_id,
        min(ends_on) as ends_on
    from held
    group by user_id

),

held_by_promotion as (

    select
        user_id,
        promotion_id,
        min(ends_on) as ends_on
    from held
    group by user_id, promotion_id

),

held_by_group as (

    select
        user_id,
        exclusive_group,
        min(ends_on) as ends_on
    from held
    where exclusive_group is not null
    group by user_id, exclusive_group

),

-- the shop's coupons for products of which one at least is on sale
on_sale as (

    select distinct covered.coupon_id
    from {{ ref('stg_coupon_products') }} as covered
    inner join {{ ref('recommendable_products') }} as available on covered.product_id = available.product_id

),

-- what today's offers bring, which a promotion that lost to them would have to bring
offered_by_user as (

    select
        offers.user_id,
        min(offers.expected_margin) as expected_margin
    from {{ ref('offers') }} as offers
    inner join {{ ref('as_of_dates') }} as dates on offers.as_of_date = dates.as_of_date and dates.as_of_date = dates.data_until
    group by offers.user_id

),

offered_by_group as (

    select
        offers.user_id,
        offers.exclusive_group,
        min(offers.expected_margin) as expected_margin
    from {{ ref('offers') }} as offers
    inner join {{ ref('as_of_dates') }} as dates on offers.as_of_date = dates.as_of_date and dates.as_of_date = dates.data_until
    where offers.exclusive_group is not null
    group by offers.user_id, offers.exclusive_group

),

refused as (

    select
        considered.*,
        terms.begins_on,
        codes.code,
        codes.place,
        codes.decided_by,
        dimensions.dimension
    from codes
    inner join {{ ref('considered_promotions') }} as considered
        on codes.user_id = considered.user_id and codes.promotion_id = considered.promotion_id
    inner join terms on considered.promotion_id = terms.promotion_id
    left join dimensions on codes.code = 'NOT_IN_SEGMENT'
    where
        dimensions.dimension is null
        {% for dimension, list in lists.items() -%}
        {% set segment = 'considered.' ~ ('cluster_name' if dimension == 'cluster' else dimension) -%}
        or (dimensions.dimension = '{{ dimension }}' and not {{ admits('considered.' ~ list, segment) }})
        {% endfor %}

),

-- where the user stands, and where the user would have to stand
measured as (

    select
        refused.*,
        case refused.code
            when 'RISK_FLAG' then risk.points
            when 'NOT_IN_SEGMENT'
                then case refused.dimension
                    when 'value_tier' then segments.recency_weighted_spend
                    when 'intent' then refused.purchase_intent
                    when 'life_cycle' then segments.recency_days
                end
            when 'NOT_A_MEMBER' then members.qualifying_points
            when 'NOT_BIRTHDAY' then refused.days_from_birthday
            when 'WOULD_STAY' then refused.churn_risk
            when 'NO_UPLIFT' then refused.mean_promo_effect
            when 'CAP_USER' then refused.per_user_limit
            when 'CAP_REDEMPTIONS' then refused.max_redemptions
            when 'BUDGET_EXHAUSTED' then refused.budget
            when 'MARGIN_FLOOR' then case when refused.margin_after_cost <= 0 then refused.margin_after_cost end
            when 'NOT_INCREMENTAL' then refused.incremental_margin
            when 'EXCLUSIVE_GROUP' then refused.redemption_score * refused.margin_after_cost
            when 'OFFER_LIMIT' then refused.redemption_score * refused.margin_after_cost
        end as standing,
        case refused.code
            when 'RISK_FLAG' then {{ policy_value('risk_flag_points') }}
            when 'NOT_IN_SEGMENT' then bounds.lowest
            when 'NOT_A_MEMBER' then tiers.enter_points
            when 'NOT_BIRTHDAY' then refused.birthday_days
            when 'WOULD_STAY' then refused.min_churn_risk
            when 'NO_UPLIFT' then 0
            when 'CAP_USER' then refused.user_redemptions + 1
            when 'CAP_REDEMPTIONS' then greatest(refused.redemptions + refused.reserved_redemptions, refused.max_redemptions) + 1
            when 'BUDGET_EXHAUSTED'
                -- what allocation gave away today is not in the sums: a whole cost more is enough
                then case
                    when refused.decided_by = 'allocation' then refused.budget
                    else refused.budget_spent + refused.budget_reserved
                end + refused.cost
            when 'MARGIN_FLOOR' then 0.01
            when 'NOT_INCREMENTAL' then 0.01
            when 'EXCLUSIVE_GROUP' then offered_by_group.expected_margin
            when 'OFFER_LIMIT' then offered_by_user.expected_margin
        end as has_to_be,
        case refused.code
            when 'NOT_YET_VALID' then refused.begins_on
            when 'NOT_IN_SEGMENT'
                then case
                    when refused.dimension = 'life_cycle' and bounds.lowest > segments.recency_days
                        then {{ add_days('refused.as_of_date', 'bounds.lowest - segments.recency_days') }}
                end
            when 'CAP_USER_DAY' then {{ add_days('refused.as_of_date', 1) }}
            when 'CAP_USER_WEEK' then {{ add_days('refused.as_of_date', 7) }}
            when 'CAP_USER_MONTH' then {{ add_days('refused.as_of_date', 31) }}
            when 'CONTACT_LIMIT' then {{ add_days('refused.as_of_date', 7) }}
            when 'ALREADY_OWNED' then held_by_promotion.ends_on
            when 'EXCLUSIVE_GROUP' then held_by_group.ends_on
            when 'OFFER_LIMIT' then held_by_user.ends_on
        end as changes_on,
        case
            when refused.code = 'NOT_A_MEMBER' then refused.tier
            {% for dimension in lists -%}
            when refused.dimension = '{{ dimension }}' then refused.{{ 'cluster_name' if dimension == 'cluster' else dimension }}
            {% endfor %}
        end as now_words,
        case
            when refused.code = 'NOT_A_MEMBER' then refused.member_tiers
            {% for dimension, list in lists.items() -%}
            when refused.dimension = '{{ dimension }}' then refused.{{ list }}
            {% endfor %}
        end as needed_words,
        members.run_by,
        permissions.personalisation_consent,
        refused.source = 'catalogue' or on_sale.coupon_id is not null as is_on_sale
    from refused
    inner join {{ ref('user_segments') }} as segments
        on refused.as_of_date = segments.as_of_date and refused.user_id = segments.user_id
    inner join {{ ref('user_permissions') }} as permissions
        on refused.as_of_date = permissions.as_of_date and refused.user_id = permissions.user_id
    left join on_sale on refused.promotion_id = on_sale.coupon_id
    left join {{ ref('risk_scores') }} as risk on refused.as_of_date = risk.as_of_date and refused.user_id = risk.user_id
    left join {{ ref('loyalty_status') }} as members on refused.user_id = members.user_id
    left join bounds on refused.promotion_id = bounds.promotion_id and refused.dimension = bounds.dimension
    left join tiers on refused.promotion_id = tiers.promotion_id
    left join held_by_promotion
        on refused.user_id = held_by_promotion.user_id and refused.promotion_id = held_by_promotion.promotion_id
    left join held_by_group
        on refused.user_id = held_by_group.user_id and refused.exclusive_group = held_by_group.exclusive_group
    left join held_by_user on refused.user_id = held_by_user.user_id
    left join offered_by_group
        on refused.user_id = offered_by_group.user_id and refused.exclusive_group = offered_by_group.exclusive_group
    left join offered_by_user on refused.user_id = offered_by_user.user_id

),

changes as (

    select
        *,
        case
            when code = 'NOT_IN_SEGMENT'
                then case
                    when dimension in ('value_tier', 'intent') and has_to_be > standing
                        then concat_ws('', 'NOT_IN_SEGMENT/', dimension)
                    when dimension = 'life_cycle' and changes_on is not null then 'NOT_IN_SEGMENT/life_cycle_wait'
                    when dimension = 'life_cycle' and has_to_be = 0 then 'NOT_IN_SEGMENT/life_cycle_buy'
                    when now_words is null then 'NOT_IN_SEGMENT/unknown'
                    else 'NOT_IN_SEGMENT/other'
                end
            when code = 'NOT_A_MEMBER' and not coalesce(run_by = 'policy' and has_to_be > standing, false)
                then 'NOT_A_MEMBER/other'
            -- no purchase brings an offer of what can't be had, nor to whom nothing is scored for
            when code = 'NO_MATCHING_PRODUCT' and not is_on_sale then 'NO_MATCHING_PRODUCT/not_on_sale'
            when code = 'NO_MATCHING_PRODUCT' and not personalisation_consent then 'NO_MATCHING_PRODUCT/consent'
            when code = 'WOULD_STAY' and standing is null then 'WOULD_STAY/unknown'
            when code = 'MARGIN_FLOOR' and standing is null then 'MARGIN_FLOOR/other'
            when code in ('EXCLUSIVE_GROUP', 'OFFER_LIMIT') and decided_by = 'allocation' then concat_ws('', code, '/allocation')
            else code
        end as change_code,
        case
            when code in ('WOULD_STAY', 'NO_UPLIFT') or dimension = 'intent' then 'share'
            when
                code in ('BUDGET_EXHAUSTED', 'MARGIN_FLOOR', 'NOT_INCREMENTAL', 'EXCLUSIVE_GROUP', 'OFFER_LIMIT')
                or dimension = 'value_tier'
                then 'money'
            when code = 'NOT_IN_SEGMENT' then 'days'
            else 'number'
        end as unit
    from measured

),

final as (

    select
        changes.as_of_date,
        changes.user_id,
        changes.promotion_id,
        cast(row_number() over (
            partition by changes.user_id, changes.promotion_id order by changes.place, changes.code, changes.dimension nulls first
        ) as integer) as refusal_rank,
        changes.code,
        changes.decided_by,
        changes.change_code,
        phrases.brought_by,
        changes.unit,
        cast(changes.standing as double) as standing,
        cast(changes.has_to_be as double) as has_to_be,
        -- money and points are rounded up to what is enough; no amount leads back into a segment that the user is beyond
        cast(case
            when changes.change_code = 'NOT_IN_SEGMENT/other' then null
            when changes.unit = 'share' then changes.has_to_be - changes.standing
            when changes.change_code like '%/allocation'
                then greatest(0.01, -floor((changes.standing - changes.has_to_be) * 100) / 100)
            when changes.change_code = 'NOT_IN_SEGMENT/value_tier'
                then greatest(0.01, -floor((changes.standing - changes.has_to_be) * 100 + 0.000001) / 100)
            else -floor((changes.standing - changes.has_to_be) * 100 + 0.000001) / 100
        end as double) as lacks,
        changes.changes_on,
        replace(changes.now_words, '_', ' ') as now_words,
        replace(replace(changes.needed_words, '|', ' / '), '_', ' ') as needed_words
    from changes
    left join {{ ref('refusal_phrases') }} as phrases on changes.change_code = phrases.code and phrases.about = 'change'

)

select * from final
order by user_id, promotion_id, refusal_rank
