-- every user × promotion under consideration, with all that its verdict needs: chance of use, value, cost
-- A table: views over it answer at once, and DuckDB 2.0.0 fails ("dict-surviving cache") on a filter over these joins.
{{ config(materialized='table') }}
{% set own_price = "coalesce(prices.personal_price, " ~ rounded_half_up('market.market_price') ~ ")" %}
{% set units_of_minimum -%}
    case
        when pairs.is_for_products and pairs.min_spend > {{ own_price }} and {{ own_price }} > 0
            then cast(pairs.min_spend as double) / cast({{ own_price }} as double)
        else 1
    end
{%- endset %}

with held as (

    select
        user_id,
        count(*) as open_offers
    from {{ ref('reservations') }}
    group by user_id

),

owned as (

    select distinct
        user_id,
        promotion_id
    from {{ ref('reservations') }}

),

-- the exclusive groups of which a user holds an open offer
grouped as (

    select distinct
        reservations.user_id,
        terms.exclusive_group
    from {{ ref('reservations') }} as reservations
    inner join {{ ref('promotion_terms') }} as terms on reservations.promotion_id = terms.promotion_id
    where terms.exclusive_group is not null

),

-- does promoting what the user usually buys change what the user buys?
moved as (

    select
        user_id,
        {{ exact_avg('promo_effect') }} as mean_promo_effect
    from {{ ref('promo_effect_scores') }}
    group by user_id

),

terms as (

    select
        terms.*,
        standing.budget_reserved,
        standing.reserved_redemptions,
        standing.is_sent_to_some,
        exists(
            select 1
            from {{ ref('stg_coupon_products') }} as products
            where products.coupon_id = terms.promotion_id
        ) as is_for_products,
        -- the kind of the shop's own coupon is the shop's word, and says nothing
        terms.source = 'catalogue'
        and terms.kind in {{ product_kinds() }} as is_pick
    from {{ ref('promotion_terms') }} as terms
    inner join {{ ref('promotion_standing') }} as standing on terms.promotion_id = standing.promotion_id

),

users as (

    select
        segments.as_of_date,
        segments.user_id,
        segments.life_cycle,
        segments.value_tier,
        segments.intent,
        segments.purchase_intent,
        permissions.is_holdout,
        permissions.marketing_consent,
        coalesce(user_keys.shop_user_id, segments.user_id) as dealt_by,
        coalesce(risk.is_flagged, false) as is_risk_flagged,
        features.mean_order_value_112d,
        members.tier,
        coalesce(members.points_multiplier, 1) as tier_multiplier,
        clusters.cluster_name,
        churn.churn_risk,
        moved.mean_promo_effect,
        cast(least({{ days_from_birthday('people.birth_date', 'segments.as_of_date') }}) as integer) as days_from_birthday,
        coalesce(contacts.contacts_7d, 0) as contacts_7d,
        cast(coalesce(held.open_offers, 0) as integer) as open_offers,
        firsts.product_id as pick_id,
        firsts.interest as pick_interest
    from {{ ref('user_segments') }} as segments
    inner join {{ ref('user_permissions') }} as permissions
        on segments.as_of_date = permissions.as_of_date and segments.user_id = permissions.user_id
    inner join {{ ref('user_features') }} as features
        on segments.as_of_date = features.as_of_date and segments.user_id = features.user_id
    left join {{ ref('user_keys') }} as user_keys on segments.user_id = user_keys.user_id
    left join {{ ref('risk_scores') }} as risk
        on segments.as_of_date = risk.as_of_date and segments.user_id = risk.user_id
    left join {{ ref('loyalty_status') }} as members on segments.user_id = members.user_id
    left join {{ ref('stg_users') }} as people on segments.user_id = people.user_id
    left join {{ ref('user_clusters') }} as clusters
        on segments.as_of_date = clusters.as_of_date and segments.user_id = clusters.user_id
    left join {{ ref('churn_scores') }} as churn on segments.user_id = churn.user_id
    left join moved on segments.user_id = moved.user_id
    left join {{ ref('user_contacts') }} as contacts
        on segments.as_of_date = contacts.as_of_date and segments.user_id = contacts.user_id
    left join held on segments.user_id = held.user_id
    left join {{ ref('recommendations') }} as firsts
        on segments.user_id = firsts.user_id and firsts.recommendation_rank = 1

),

-- a product promotion of some categories takes the first recommendation of them
picks as (

    select
        recommendations.user_id,
        terms.promotion_id,
        min_by(recommendations.product_id, recommendations.recommendation_rank) as product_id,
        min_by(recommendations.interest, recommendations.recommendation_rank) as interest
    from {{ ref('recommendations') }} as recommendations
    inner join terms
        on
            terms.is_pick
            and terms.categories is not null
            and {{ admits('terms.categories', 'recommendations.category') }}
    group by recommendations.user_id, terms.promotion_id

),

received as (

    select
        campaign_id,
        user_id,
        treated
    from {{ ref('stg_campaign_sends') }}

),

used as (

    select
        uses.promotion_id,
        uses.user_id,
        count(*) as redemptions,
        sum(case when uses.redeemed_on >= {{ add_days('dates.as_of_date', -1) }} then 1 else 0 end) as redemptions_1d,
        sum(case when uses.redeemed_on >= {{ add_days('dates.as_of_date', -7) }} then 1 else 0 end) as redemptions_7d,
        sum(case when uses.redeemed_on >= {{ add_days('dates.as_of_date', -31) }} then 1 else 0 end) as redemptions_31d
    from {{ ref('promotion_uses') }} as uses
    inner join {{ ref('as_of_dates') }} as dates on dates.as_of_date = dates.data_until
    group by uses.promotion_id, uses.user_id

),

pairs as (

    select
        users.*,
        terms.promotion_id,
        terms.promotion_name,
        terms.source,
        terms.kind,
        terms.campaign_id,
        terms.campaign_name,
        terms.amount_off,
        terms.percent_off,
        terms.points_multiplier,
        terms.min_spend,
        terms.categories,
        terms.valid_from,
        terms.valid_to,
        terms.has_begun,
        terms.is_over,
        terms.life_cycles,
        terms.value_tiers,
        terms.intents,
        terms.clusters,
        terms.member_tiers,
        terms.birthday_days,
        terms.min_churn_risk,
        terms.budget,
        terms.budget_id,
        terms.budget_spent,
        terms.budget_reserved,
        terms.max_redemptions,
        terms.redemptions,
        terms.reserved_redemptions,
        terms.per_user_limit,
        terms.per_user_day_limit,
        terms.per_user_week_limit,
        terms.per_user_month_limit,
        terms.priority,
        terms.exclusive_group,
        terms.min_margin,
        terms.cost_share,
        terms.is_for_products,
        terms.is_sent_to_some,
        terms.is_pick,
        coalesce(received.treated, false) as has_received,
        coalesce(used.redemptions, 0) as user_redemptions,
        cast(coalesce(used.redemptions_1d, 0) as integer) as user_redemptions_1d,
        cast(coalesce(used.redemptions_7d, 0) as integer) as user_redemptions_7d,
        cast(coalesce(used.redemptions_31d, 0) as integer) as user_redemptions_31d,
        owned.user_id is not null as holds_offer,
        grouped.user_id is not null as holds_offer_of_group,
        case
            when terms.is_for_products then coupon_interest.best_product_id
            when terms.is_pick and terms.categories is not null then picks.product_id
            when terms.is_pick then users.pick_id
        end as product_id,
        -- chance of use: that of redeeming the coupon, else interest in the product or the categories, else the chance that
        -- the user buys at all
        case
            when coupon_interest.best_product_id is not null
                then coalesce(coupon_redemption.coupon_redemption, coupon_interest.interest)
            when terms.is_for_products then null
            when terms.is_pick and terms.categories is not null then picks.interest
            when terms.is_pick then users.pick_interest
            when category_interest.promotion_id is not null then category_interest.category_interest
            else users.purchase_intent
        end as scored_redemption,
        case
            when category_interest.promotion_id is not null then category_interest.usual_spend
            else users.mean_order_value_112d
        end as usual_spend,
        -- whom the shop held out itself; the others by the shop's own id, as the universal control: no change of the secret
        -- deals a campaign's control anew
        not coalesce(received.treated, true)
        or {{ policy_value('campaign_holdout_percent') }} * 100
        > {{ hash_bucket("concat_ws('', terms.campaign_id, ':', users.dealt_by)", 10000) }} as is_campaign_holdout
    from users
    cross join terms
    left join received on users.user_id = received.user_id and terms.campaign_id = received.campaign_id
    left join used on users.user_id = used.user_id and terms.promotion_id = used.promotion_id
    left join owned on users.user_id = owned.user_id and terms.promotion_id = owned.promotion_id
    left join picks on users.user_id = picks.user_id and terms.promotion_id = picks.promotion_id
    left join grouped on users.user_id = grouped.user_id and terms.exclusive_group = grouped.exclusive_group
    left join {{ ref('coupon_interest') }} as coupon_interest
        on users.user_id = coupon_interest.user_id and terms.promotion_id = coupon_interest.coupon_id
    left join {{ ref('coupon_redemption_scores') }} as coupon_redemption
        on users.user_id = coupon_redemption.user_id and terms.promotion_id = coupon_redemption.coupon_id
    left join {{ ref('category_promotion_interest') }} as category_interest
        on users.user_id = category_interest.user_id and terms.promotion_id = category_interest.promotion_id

),

valued as (

    select
        pairs.*,
        -- what the benefit is given on: the product at the user's price, one unit or what meets a coupon's minimum, or a usual
        -- basket that meets it, of the promotion's categories where it has any
        case
            when {{ units_of_minimum }} > 1 then pairs.min_spend
            when pairs.is_for_products or pairs.is_pick then {{ own_price }}
            else greatest(coalesce(pairs.usual_spend, 0), coalesce(pairs.min_spend, 0))
        end as base_value,
        case
            when pairs.is_for_products or pairs.is_pick
                then
                    coalesce(market.unit_cost, market.list_price * (1 - {{ policy_value('default_margin_share') }}))
                    * {{ units_of_minimum }}
            else
                greatest(coalesce(pairs.usual_spend, 0), coalesce(pairs.min_spend, 0))
                * (1 - {{ policy_value('default_margin_share') }})
        end as cost_of_goods,
        market.price_floor * {{ units_of_minimum }} as price_floor,
        effects.promo_effect,
        promotions_hidden.item_id is not null or products_hidden.item_id is not null as is_hidden,
        -- what the user said of such offers: of the product's category, or of the promotion where it is for a basket
        cast(coalesce(feedback.weight, 1) as double) as feedback_weight
    from pairs
    left join {{ ref('stg_products') }} as listed on pairs.product_id = listed.product_id
    left join {{ ref('user_feedback_weights') }} as feedback
        on
            pairs.as_of_date = feedback.as_of_date
            and pairs.user_id = feedback.user_id
            and case when pairs.product_id is null then 'promotion' else 'category' end = feedback.subject_kind
            and case when pairs.product_id is null then pairs.promotion_id else listed.category end = feedback.subject
    left join {{ ref('user_hidden_items') }} as promotions_hidden
        on
            pairs.as_of_date = promotions_hidden.as_of_date
            and pairs.user_id = promotions_hidden.user_id
            and promotions_hidden.item_kind = 'promotion'
            and pairs.promotion_id = promotions_hidden.item_id
    left join {{ ref('user_hidden_items') }} as products_hidden
        on
            pairs.as_of_date = products_hidden.as_of_date
            and pairs.user_id = products_hidden.user_id
            and products_hidden.item_kind = 'product'
            and pairs.product_id = products_hidden.item_id
    left join {{ ref('market_prices') }} as market on pairs.product_id = market.product_id
    left join {{ ref('dynamic_prices') }} as prices
        on pairs.user_id = prices.user_id and pairs.product_id = prices.product_id
    -- the article's linear form gives a chance, no difference of two
    left join {{ ref('promo_effect_scores') }} as effects
        on pairs.user_id = effects.user_id and pairs.product_id = effects.product_id and effects.model_name = 'promo_effect'

),

costed as (

    select
        *,
        case
            when amount_off is not null then amount_off
            when percent_off is not null then {{ rounded_half_up('base_value * percent_off / 100') }}
            else {{ rounded_half_up(
                points_for('base_value', 'tier_multiplier * (points_multiplier - 1)') ~ ' * ' ~ point_value()
            ) }}
        end as face_value,
        greatest(cost_of_goods * (1 + coalesce(min_margin, 0)), coalesce(price_floor, 0)) as floor_value,
        cast(
            case when scored_redemption * feedback_weight > 1 then 1 else scored_redemption * feedback_weight end as float
        ) as redemption_score
    from valued

),

considered as (

    select
        as_of_date,
        user_id,
        promotion_id,
        promotion_name,
        source,
        kind,
        campaign_id,
        campaign_name,
        life_cycle,
        value_tier,
        intent,
        cluster_name,
        tier,
        churn_risk,
        mean_promo_effect,
        days_from_birthday,
        contacts_7d,
        is_holdout,
        is_campaign_holdout,
        marketing_consent,
        is_risk_flagged,
        is_hidden,
        has_begun,
        is_over,
        is_sent_to_some,
        has_received,
        life_cycles,
        value_tiers,
        intents,
        clusters,
        member_tiers,
        birthday_days,
        min_churn_risk,
        user_redemptions,
        user_redemptions_1d,
        user_redemptions_7d,
        user_redemptions_31d,
        per_user_limit,
        per_user_day_limit,
        per_user_week_limit,
        per_user_month_limit,
        holds_offer,
        holds_offer_of_group,
        open_offers,
        redemptions,
        reserved_redemptions,
        max_redemptions,
        budget_spent,
        budget_reserved,
        budget,
        budget_id,
        is_for_products or is_pick as needs_product,
        product_id,
        min_spend,
        valid_from,
        valid_to,
        priority,
        exclusive_group,
        purchase_intent,
        feedback_weight,
        redemption_score,
        face_value,
        {{ rounded_half_up('face_value * cost_share') }} as cost,
        cast(base_value - cost_of_goods - face_value * cost_share as double) as margin_after_cost,
        -- with it less without it: what the promotion adds in purchases, less what it costs on all of them
        cast(
            promo_effect * (base_value - cost_of_goods) - redemption_score * face_value * cost_share as double
        ) as incremental_margin,
        points_multiplier is null and base_value - face_value * cost_share < floor_value - 0.000001 as is_below_floor
    from costed

),

final as (

    select
        *,
        cast({{ failed_rule_bits() }} as integer) as reject_bits
    from considered

)

select * from final
-- a user's rows lie together, so that a lookup reads them alone
order by user_id, promotion_id
