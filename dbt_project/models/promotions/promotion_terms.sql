-- every promotion under consideration: the shop's coupons near the as-of date and the promotion catalogue, in one form
-- no decision rests on a policy with faults: depends_on {{ ref('policy_faults') }}
with dates as (

    {{ scoring_day('as_of_at') }}

),

coupons as (

    select
        dates.as_of_date,
        coupons.coupon_id as promotion_id,
        concat_ws('', 'Coupon ', coupons.coupon_id) as promotion_name,
        'shop_coupon' as source,
        coupons.kind,
        -- a coupon that the shop names no campaign of is a campaign of its own
        coalesce(coupons.campaign_id, concat_ws('', 'coupon-', coupons.coupon_id)) as campaign_id,
        case
            when coupons.campaign_id is null then concat_ws('', 'Coupon ', coupons.coupon_id) else campaigns.campaign_name
        end as campaign_name,
        case
            when coupons.percent_off is null then coalesce(coupons.face_value, {{ policy_value('default_face_value') }})
        end as amount_off,
        coupons.percent_off,
        cast(null as double) as points_multiplier,
        coupons.min_spend,
        cast(null as string) as categories,
        coupons.valid_from,
        coupons.valid_to,
        {% for list in ['life_cycles', 'value_tiers', 'intents', 'clusters', 'member_tiers'] -%}
        cast(null as string) as {{ list }},
        {% endfor -%}
        cast(null as integer) as birthday_days,
        cast(null as double) as min_churn_risk,
        campaigns.budget,
        -- ids of campaigns, coupons and the catalogue may be the same
        case
            when campaigns.budget is null then concat_ws('', 'coupon:', coupons.coupon_id)
            else concat_ws('', 'campaign:', coupons.campaign_id)
        end as budget_id,
        coupons.max_redemptions,
        coupons.per_user_limit,
        cast(null as integer) as per_user_day_limit,
        cast(null as integer) as per_user_week_limit,
        cast(null as integer) as per_user_month_limit,
        50 as priority,
        cast(null as string) as exclusive_group,
        cast(null as string) as group_winner,
        true as is_stackable,
        cast(null as double) as min_margin,
        case
            when coupons.kind = 'manufacturer' then {{ policy_value('manufacturer_coupon_cost_share') }} else 1.0
        end as cost_share
    from {{ ref('stg_coupons') }} as coupons
    cross join dates
    left join {{ ref('stg_campaigns') }} as campaigns on coupons.campaign_id = campaigns.campaign_id

),

-- each festival as it is now or will be next; where the calendar ends, as it was last
festivals as (

    select
        calendar.festival,
        coalesce(
            min(case when calendar.ends_on >= dates.as_of_date then calendar.starts_on end), max(calendar.starts_on)
        ) as starts_on
    from {{ ref('festival_calendar') }} as calendar
    cross join dates
    group by calendar.festival

),

windows as (

    select
        catalogue.promotion_id,
        coalesce(
            {{ utc_timestamp('catalogue.starts_at') }}, {{ utc_midnight('festivals.starts_on') }}, dates.as_of_at
        ) as opens_at,
        coalesce({{ utc_timestamp('catalogue.ends_at') }}, {{ utc_midnight(add_days('calendar.ends_on', 1)) }}) as closes_at
    from {{ ref('promotion_catalogue') }} as catalogue
    cross join dates
    left join festivals on catalogue.festival = festivals.festival
    left join {{ ref('festival_calendar') }} as calendar
        on festivals.festival = calendar.festival and festivals.starts_on = calendar.starts_on

),

catalogue as (

    select
        dates.as_of_date,
        catalogue.promotion_id,
        catalogue.promotion_name,
        'catalogue' as source,
        catalogue.kind,
        catalogue.campaign_id,
        catalogue.campaign_name,
        catalogue.amount_off,
        catalogue.percent_off,
        catalogue.points_multiplier,
        catalogue.min_spend,
        catalogue.categories,
        windows.opens_at as valid_from,
        least(
            windows.closes_at, {{ add_hours('greatest(windows.opens_at, dates.as_of_at)', 'catalogue.lasts_hours') }}
        ) as valid_to,
        catalogue.life_cycles,
        catalogue.value_tiers,
        catalogue.intents,
        catalogue.clusters,
        catalogue.member_tiers,
        catalogue.birthday_days,
        catalogue.min_churn_risk,
        catalogue.budget,
        concat_ws('', 'promotion:', catalogue.promotion_id) as budget_id,
        catalogue.max_redemptions,
        catalogue.per_user_limit,
        catalogue.per_user_day_limit,
        catalogue.per_user_week_limit,
        catalogue.per_user_month_limit,
        catalogue.priority,
        catalogue.exclusive_group,
        catalogue.group_winner,
        catalogue.is_stackable,
        catalogue.min_margin,
        1.0 as cost_share
    from {{ ref('promotion_catalogue') }} as catalogue
    inner join windows on catalogue.promotion_id = windows.promotion_id
    cross join dates

),

terms as (

    select * from coupons
    union all
    select * from catalogue

),

-- where the shop doesn't know what a use took off, it cost what was set aside for it, or else the face value
redeemed as (

    select
        terms.promotion_id,
        terms.budget_id,
        count(*) as redemptions,
        sum(coalesce(
            uses.discount,
            uses.reserved_budget,
            {{ rounded_half_up('coalesce(terms.amount_off, ' ~ policy_value('default_face_value') ~ ') * terms.cost_share') }}
        )) as cost
    from terms
    inner join {{ ref('promotion_uses') }} as uses on terms.promotion_id = uses.promotion_id
    group by terms.promotion_id, terms.budget_id

),

-- the coupons of a campaign draw on one budget, with those that ended long ago
spent as (

    select
        budget_id,
        sum(cost) as cost
    from redeemed
    group by budget_id

),

final as (

    select
        terms.as_of_date,
        terms.promotion_id,
        terms.promotion_name,
        terms.source,
        terms.kind,
        terms.campaign_id,
        coalesce(terms.campaign_name, terms.campaign_id) as campaign_name,
        cast(terms.amount_off as decimal(18, 2)) as amount_off,
        cast(terms.percent_off as double) as percent_off,
        terms.points_multiplier,
        terms.min_spend,
        terms.categories,
        terms.valid_from,
        terms.valid_to,
        dates.as_of_at >= terms.valid_from as has_begun,
        dates.as_of_at >= terms.valid_to as is_over,
        terms.life_cycles,
        terms.value_tiers,
        terms.intents,
        terms.clusters,
        terms.member_tiers,
        terms.birthday_days,
        terms.min_churn_risk,
        terms.budget,
        terms.budget_id,
        cast(coalesce(spent.cost, 0) as decimal(18, 2)) as budget_spent,
        terms.max_redemptions,
        cast(coalesce(redeemed.redemptions, 0) as integer) as redemptions,
        terms.per_user_limit,
        terms.per_user_day_limit,
        terms.per_user_week_limit,
        terms.per_user_month_limit,
        cast(terms.priority as integer) as priority,
        terms.exclusive_group,
        terms.group_winner,
        terms.is_stackable,
        terms.min_margin,
        cast(terms.cost_share as double) as cost_share
    from terms
    cross join dates
    left join redeemed on terms.promotion_id = redeemed.promotion_id
    left join spent on terms.budget_id = spent.budget_id
    where
        terms.source = 'catalogue'
        or (
            terms.valid_to > {{ add_hours('dates.as_of_at', '-24 * cast(' ~ policy_value('considered_days') ~ ' as integer)') }}
            and terms.valid_from
            < {{ add_hours('dates.as_of_at', '24 * cast(' ~ policy_value('considered_days') ~ ' as integer)') }}
        )

)

select * from final
