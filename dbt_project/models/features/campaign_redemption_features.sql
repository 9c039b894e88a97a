-- one row a receiver, campaign and as-of date: what the campaign model sees, all of it from before the campaign
{% set windows = [28, 84, 364] %}
with receivers as (

    select * from {{ ref('campaign_receivers') }}

),

campaigns as (

    select * from {{ ref('campaign_windows') }}

),

lookers as (

    select distinct
        user_id,
        looks_back_from
    from receivers

),

days as (

    select
        lookers.user_id,
        lookers.looks_back_from,
        days.events,
        days.spend,
        days.list_spend,
        {{ days_between('days.activity_date', 'lookers.looks_back_from') }} as days_ago
    from lookers
    inner join {{ ref('user_activity_days') }} as days
        on lookers.user_id = days.user_id and lookers.looks_back_from > days.activity_date
    where days.event_type = 'purchase'

),

habits as (

    select
        user_id,
        looks_back_from,
        min(days_ago) as recency_days,
        max(days_ago) as days_since_first_purchase,
        {% for length in windows -%}
        sum(case when days_ago <= {{ length }} then 1 else 0 end) as visit_days_{{ length }}d,
        sum(case when days_ago <= {{ length }} then spend else 0 end) as spend_{{ length }}d,
        {% endfor -%}
        sum(list_spend - spend) / nullif(cast(sum(list_spend) as double), 0) as discount_share,
        sum(events) / cast(count(*) as double) as lines_per_visit,
        sum(spend) / cast(count(*) as double) as spend_per_visit,
        count(*) / cast(greatest(max(days_ago), 28) as double) as visit_rate,
        count(*) as visit_days
    from days
    group by user_id, looks_back_from

),

use_days as (

    select
        lookers.user_id,
        lookers.looks_back_from,
        uses.used_on,
        {{ days_between('uses.used_on', 'lookers.looks_back_from') }} as days_ago,
        uses.lines,
        uses.money
    from lookers
    inner join {{ ref('coupon_uses') }} as uses on lookers.user_id = uses.user_id and lookers.looks_back_from > uses.used_on

),

coupon_habits as (

    select
        user_id,
        looks_back_from,
        {% for length in windows -%}
        {{ exact_sum('case when days_ago <= ' ~ length ~ ' then money else 0 end') }} as coupon_money_{{ length }}d,
        sum(case when days_ago <= {{ length }} then lines else 0 end) as coupon_lines_{{ length }}d,
        {% endfor -%}
        count(distinct used_on) as coupon_days
    from use_days
    group by user_id, looks_back_from

),

redeemed as (

    select
        redeemed.user_id,
        redeemed.coupon_id,
        redeemed.redeemed_on,
        redeemed.redeemed_at,
        coupons.campaign_id
    from {{ ref('stg_coupon_redemptions') }} as redeemed
    left join {{ ref('stg_coupons') }} as coupons on redeemed.coupon_id = coupons.coupon_id

),

redemptions as (

    select
        lookers.user_id,
        lookers.looks_back_from,
        count(*) as redemptions,
        count(distinct redeemed.campaign_id) as redeemed_campaigns,
        count(distinct redeemed.redeemed_on) as redemption_days,
        count(distinct redeemed.coupon_id) as redeemed_coupons,
        min({{ days_between('redeemed.redeemed_on', 'lookers.looks_back_from') }}) as days_since_redemption
    from lookers
    inner join redeemed on lookers.user_id = redeemed.user_id and lookers.looks_back_from > redeemed.redeemed_on
    group by lookers.user_id, lookers.looks_back_from

),

earlier_sends as (

    select
        sends.user_id,
        sends.campaign_id,
        earlier.campaign_kind,
        days.starts_on,
        days.ends_on
    from {{ ref('stg_campaign_sends') }} as sends
    inner join {{ ref('stg_campaigns') }} as earlier on sends.campaign_id = earlier.campaign_id
    inner join {{ ref('campaign_days') }} as days on sends.campaign_id = days.campaign_id
    where sends.treated

),

first_redeemed as (

    select
        user_id,
        campaign_id,
        min(redeemed_on) as redeemed_on
    from redeemed
    where campaign_id is not null
    group by user_id, campaign_id

),

invitations as (

    select
        receivers.as_of_date,
        receivers.campaign_id,
        receivers.user_id,
        count(*) as campaigns_before,
        sum(case when earlier.ends_on <= receivers.looks_back_from then 1 else 0 end) as campaigns_over,
        sum(case when earlier.campaign_kind = campaigns.campaign_kind then 1 else 0 end) as campaigns_of_kind,
        sum(case when first_redeemed.user_id is not null then 1 else 0 end) as campaigns_redeemed,
        sum(case
            when first_redeemed.user_id is not null and earlier.campaign_kind = campaigns.campaign_kind then 1 else 0
        end) as campaigns_of_kind_redeemed
    from receivers
    inner join campaigns
        on receivers.as_of_date = campaigns.as_of_date and receivers.campaign_id = campaigns.campaign_id
    inner join earlier_sends as earlier
        on
            receivers.user_id = earlier.user_id
            and receivers.campaign_id <> earlier.campaign_id
            and receivers.looks_back_from > earlier.starts_on
    left join first_redeemed
        on
            earlier.user_id = first_redeemed.user_id
            and earlier.campaign_id = first_redeemed.campaign_id
            and receivers.looks_back_from > first_redeemed.redeemed_on
    group by receivers.as_of_date, receivers.campaign_id, receivers.user_id

),

covered_products as (

    select distinct
        coupons.campaign_id,
        products.product_id
    from {{ ref('stg_coupons') }} as coupons
    inner join {{ ref('stg_coupon_products') }} as products on coupons.coupon_id = products.coupon_id

),

covered as (

    select
        receivers.as_of_date,
        receivers.campaign_id,
        receivers.user_id,
        count(distinct lines.product_id) as covered_products,
        count(distinct lines.ordered_on) as covered_days,
        count(distinct case
            when {{ days_between('lines.ordered_on', 'receivers.looks_back_from') }} <= 84 then lines.ordered_on
        end) as covered_days_84d,
        min({{ days_between('lines.ordered_on', 'receivers.looks_back_from') }}) as covered_recency_days,
        sum(lines.quantity * lines.paid_price) as covered_spend
    from receivers
    inner join covered_products on receivers.campaign_id = covered_products.campaign_id
    inner join {{ ref('stg_order_lines') }} as lines
        on
            receivers.user_id = lines.user_id
            and covered_products.product_id = lines.product_id
            and receivers.looks_back_from > lines.ordered_on
    where lines.quantity > 0
    group by receivers.as_of_date, receivers.campaign_id, receivers.user_id

),

covered_uses as (

    select
        receivers.as_of_date,
        receivers.campaign_id,
        receivers.user_id,
        {{ exact_sum('uses.money') }} as covered_coupon_money
    from receivers
    inner join covered_products on receivers.campaign_id = covered_products.campaign_id
    inner join {{ ref('coupon_uses') }} as uses
        on
            receivers.user_id = uses.user_id
            and covered_products.product_id = uses.product_id
            and receivers.looks_back_from > uses.used_on
    group by receivers.as_of_date, receivers.campaign_id, receivers.user_id

),

by_coupon as (

    select
        as_of_date,
        campaign_id,
        user_id,
        count(*) as fitting_coupons,
        sum(case when recency_days <= 28 then 1 else 0 end) as fitting_coupons_28d,
        max(purchase_days_84d) as best_coupon_days_84d
    from {{ ref('user_coupon_history') }}
    group by as_of_date, campaign_id, user_id

),

joined as (

    select
        receivers.as_of_date,
        receivers.campaign_id,
        receivers.user_id,
        receivers.looks_back_from,
        receivers.is_recorded,
        cast(habits.recency_days as integer) as recency_days,
        cast(habits.days_since_first_purchase as integer) as days_since_first_purchase,
        {% for length in windows -%}
        cast(coalesce(habits.visit_days_{{ length }}d, 0) as integer) as visit_days_{{ length }}d,
        cast(coalesce(habits.spend_{{ length }}d, 0) as decimal(18, 2)) as spend_{{ length }}d,
        cast(coalesce(coupon_habits.coupon_money_{{ length }}d, 0) as double) as coupon_money_{{ length }}d,
        cast(coalesce(coupon_habits.coupon_lines_{{ length }}d, 0) as integer) as coupon_lines_{{ length }}d,
        {% endfor -%}
        cast(habits.discount_share as double) as discount_share,
        cast(habits.lines_per_visit as double) as lines_per_visit,
        cast(habits.spend_per_visit as double) as spend_per_visit,
        cast(habits.visit_rate as double) as visit_rate,
        cast(coalesce(coupon_habits.coupon_days, 0) / nullif(cast(habits.visit_days as double), 0) as double) as coupon_day_share,
        cast(coalesce(redemptions.redemptions, 0) as integer) as redemptions,
        cast(coalesce(redemptions.redeemed_campaigns, 0) as integer) as redeemed_campaigns,
        cast(coalesce(redemptions.redemption_days, 0) as integer) as redemption_days,
        cast(coalesce(redemptions.redeemed_coupons, 0) as integer) as redeemed_coupons,
        cast(redemptions.days_since_redemption as integer) as days_since_redemption,
        cast(coalesce(invitations.campaigns_before, 0) as integer) as campaigns_before,
        cast(coalesce(invitations.campaigns_over, 0) as integer) as campaigns_over,
        cast(coalesce(invitations.campaigns_before - invitations.campaigns_over, 0) as integer) as campaigns_open,
        cast(coalesce(invitations.campaigns_of_kind, 0) as integer) as campaigns_of_kind,
        cast(coalesce(invitations.campaigns_redeemed, 0) as integer) as campaigns_redeemed,
        cast(coalesce(invitations.campaigns_of_kind_redeemed, 0) as integer) as campaigns_of_kind_redeemed,
        -- drawn to the rate of all earlier campaigns by one campaign
        cast(
            (coalesce(redemptions.redeemed_campaigns, 0) + coalesce(campaigns.past_rate, 0.1))
            / (coalesce(invitations.campaigns_before, 0) + 1.0)
            as double
        ) as redemption_rate,
        campaigns.receivers as campaign_receivers,
        campaigns.coupons as campaign_coupons,
        campaigns.products as campaign_products,
        campaigns.days as campaign_days,
        campaigns.kind_rate as campaign_kind_rate,
        cast(coalesce(covered.covered_products, 0) as integer) as covered_products,
        cast(coalesce(covered.covered_days, 0) as integer) as covered_days,
        cast(coalesce(covered.covered_days_84d, 0) as integer) as covered_days_84d,
        cast(covered.covered_recency_days as integer) as covered_recency_days,
        cast(coalesce(covered.covered_spend, 0) as double) as covered_spend,
        cast(coalesce(covered_uses.covered_coupon_money, 0) as double) as covered_coupon_money,
        cast(coalesce(covered.covered_days_84d, 0) / cast(greatest(coalesce(habits.visit_days_84d, 0), 1) as double) as double)
            as covered_share_84d,
        cast(coalesce(by_coupon.fitting_coupons, 0) as integer) as fitting_coupons,
        cast(coalesce(by_coupon.fitting_coupons_28d, 0) as integer) as fitting_coupons_28d,
        cast(coalesce(by_coupon.best_coupon_days_84d, 0) as integer) as best_coupon_days_84d,
        cast(coalesce(by_coupon.fitting_coupons, 0) / nullif(cast(campaigns.coupons as double), 0) as double)
            as fitting_coupon_share
    from receivers
    inner join campaigns
        on receivers.as_of_date = campaigns.as_of_date and receivers.campaign_id = campaigns.campaign_id
    left join habits
        on receivers.user_id = habits.user_id and receivers.looks_back_from = habits.looks_back_from
    left join coupon_habits
        on receivers.user_id = coupon_habits.user_id and receivers.looks_back_from = coupon_habits.looks_back_from
    left join redemptions
        on receivers.user_id = redemptions.user_id and receivers.looks_back_from = redemptions.looks_back_from
    left join invitations
        on
            receivers.as_of_date = invitations.as_of_date
            and receivers.campaign_id = invitations.campaign_id
            and receivers.user_id = invitations.user_id
    left join covered
        on
            receivers.as_of_date = covered.as_of_date
            and receivers.campaign_id = covered.campaign_id
            and receivers.user_id = covered.user_id
    left join covered_uses
        on
            receivers.as_of_date = covered_uses.as_of_date
            and receivers.campaign_id = covered_uses.campaign_id
            and receivers.user_id = covered_uses.user_id
    left join by_coupon
        on
            receivers.as_of_date = by_coupon.as_of_date
            and receivers.campaign_id = by_coupon.campaign_id
            and receivers.user_id = by_coupon.user_id

),

final as (

    select
        *,
        {{ float_vector(var('campaign_redemption_features')) }} as features
    from joined

)

select * from final
