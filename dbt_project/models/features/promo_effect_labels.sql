-- what users who shopped in the week from the as-of date on bought of their former products, promoted or not
with dates as (

    select
        as_of_dates.as_of_date,
        {{ add_days('as_of_dates.as_of_date', 7) }} as until_date,
        {{ add_days('as_of_dates.as_of_date', 14) }} as later_date,
        {{ add_days('as_of_dates.as_of_date', 21) }} as later_until,
        as_of_dates.data_until
    from {{ ref('promo_effect_dates') }} as as_of_dates
    where {{ add_days('as_of_dates.as_of_date', 7) }} <= as_of_dates.data_until

),

-- only weeks that promotions are known of: elsewhere nobody can tell what was promoted
weeks as (

    select
        dates.as_of_date,
        dates.until_date,
        dates.later_date,
        dates.later_until,
        max(case when promotions.week_start >= dates.later_date and dates.later_until <= dates.data_until then 1 else 0 end) = 1
            as is_later_known
    from dates
    inner join {{ ref('promotion_weeks') }} as promotions
        on dates.as_of_date <= promotions.week_start and dates.later_until > promotions.week_start
    group by dates.as_of_date, dates.until_date, dates.later_date, dates.later_until
    having max(case when promotions.week_start < dates.until_date then 1 else 0 end) = 1

),

visits as (

    select distinct
        weeks.as_of_date,
        lines.user_id
    from {{ ref('stg_order_lines') }} as lines
    inner join weeks on lines.ordered_on >= weeks.as_of_date and lines.ordered_on < weeks.until_date

),

bought as (

    select distinct
        weeks.as_of_date,
        lines.user_id,
        lines.product_id
    from {{ ref('stg_order_lines') }} as lines
    inner join weeks on lines.ordered_on >= weeks.as_of_date and lines.ordered_on < weeks.until_date
    where lines.quantity > 0

),

promoted as (

    select
        weeks.as_of_date,
        promotions.product_id,
        bool_or(promotions.is_promoted and promotions.week_start < weeks.until_date) as is_promoted,
        bool_or(promotions.week_start < weeks.until_date) as is_promoted_somewhere,
        bool_or(promotions.is_promoted and promotions.week_start >= weeks.later_date) as is_promoted_later,
        bool_or(promotions.week_start >= weeks.later_date) as is_promoted_somewhere_later
    from {{ ref('promotion_weeks') }} as promotions
    inner join weeks on promotions.week_start >= weeks.as_of_date and promotions.week_start < weeks.later_until
    group by weeks.as_of_date, promotions.product_id

),

final as (

    select
        features.as_of_date,
        features.user_id,
        features.product_id,
        coalesce(promoted.is_promoted, false) as is_promoted,
        -- the same question two weeks later, for the placebo test; null where the answer is not known or not clear
        case
            when not weeks.is_later_known then null
            when coalesce(promoted.is_promoted_later, false) then true
            when not coalesce(promoted.is_promoted_somewhere_later, false) then false
        end as is_promoted_later,
        bought.product_id is not null as is_bought
    from {{ ref('promo_effect_features') }} as features
    inner join weeks on features.as_of_date = weeks.as_of_date
    inner join visits on features.as_of_date = visits.as_of_date and features.user_id = visits.user_id
    left join promoted on features.as_of_date = promoted.as_of_date and features.product_id = promoted.product_id
    left join bought
        on
            features.as_of_date = bought.as_of_date
            and features.user_id = bought.user_id
            and features.product_id = bought.product_id
    -- promoted in some stores but not in most: neither the one nor the other
    where coalesce(promoted.is_promoted, false) or not coalesce(promoted.is_promoted_somewhere, false)

)

select * from final
