-- every promotion under consideration: the shop's coupons near the as-of date and the promotion catalogue, in one form
with dates as (

    select
        as_of_date,
        {{ utc_midnight('as_of_date') }} as as_of_at
    from {{ ref('as_of_dates') }}
    where as_of_date = data_until

),

coupons as (

    select
        dates.as_of_date,
        coupons.coupon_id as promotion_id,
        concat_ws('', 'Coupon ', coupons.coupon_id) as promotion_name,
        'shop_coupon' as source,
        coupons.kind,
        coupons.campaign_id,
        campaigns.campaign_name,
        case
            when coupons.percent_off is null then coalesce(coupons.face_value, {{ policy_value('default_face_value') }})
        end as amount_off,
        coupons.percent_off,
        cast(null as double) as points_multiplier,
        coupons.min_spend,
        coupons.valid_from,
        coupons.valid_to,
        cast(null as string) as life_cycles,
        cast(null as string) as value_tiers,
        cast(null as string) as intents,
        cast(null as string) as member_tiers,
        campaigns.budget,
        case when campaigns.budget is null then coupons.coupon_id else coupons.campaign_id end as budget_id,
        coupons.max_redemptions,
        coupons.per_user_limit,
        50 as priority,
        case
            when coupons.kind = 'manufacturer' then {{ policy_value('manufacturer_coupon_cost_share') }} else 1.0
        end as cost_share
    from {{ ref('stg_coupons') }} as coupons
    cross join dates
    left join {{ ref('stg_campaigns') }} as campaigns on coupons.campaign_id = campaigns.campaign_id
    where
        coupons.valid_to > {{ add_hours('dates.as_of_at', '-24 * cast(' ~ policy_value('considered_days') ~ ' as integer)') }}
        and coupons.valid_from
        < {{ add_hours('dates.as_of_at', '24 * cast(' ~ policy_value('considered_days') ~ ' as integer)') }}

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
        coalesce({{ utc_midnight('catalogue.starts_on') }}, dates.as_of_at) as valid_from,
        coalesce(
            {{ utc_midnight(add_days('catalogue.ends_on', 1)) }}, {{ add_hours('dates.as_of_at', 'catalogue.lasts_hours') }}
        ) as valid_to,
        catalogue.life_cycles,
        catalogue.value_tiers,
        catalogue.intents,
        catalogue.member_tiers,
        catalogue.budget,
        catalogue.promotion_id as budget_id,
        catalogue.max_redemptions,
        catalogue.per_user_limit,
        catalogue.priority,
        1.0 as cost_share
    from {{ ref('promotion_catalogue') }} as catalogue
    cross join dates

),

redeemed as (

    select
        coupon_id,
        count(*) as redemptions,
        sum(discount) as discount
    from {{ ref('stg_coupon_redemptions') }}
    group by coupon_id

),

terms as (

    select * from coupons
    union all
    select * from catalogue

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
        terms.valid_from,
        terms.valid_to,
        dates.as_of_at >= terms.valid_from as has_begun,
        dates.as_of_at >= terms.valid_to as is_over,
        terms.life_cycles,
        terms.value_tiers,
        terms.intents,
        terms.member_tiers,
        terms.budget,
        terms.budget_id,
        -- the coupons of a campaign draw on one budget
        cast(coalesce(sum(redeemed.discount) over (partition by terms.budget_id), 0) as decimal(18, 2)) as budget_spent,
        terms.max_redemptions,
        cast(coalesce(redeemed.redemptions, 0) as integer) as redemptions,
        terms.per_user_limit,
        cast(terms.priority as integer) as priority,
        cast(terms.cost_share as double) as cost_share
    from terms
    cross join dates
    left join redeemed on terms.promotion_id = redeemed.coupon_id

)

select * from final
