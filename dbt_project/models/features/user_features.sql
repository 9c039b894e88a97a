-- one row a user and as-of date: recency, frequency, value, discount use, browsing, from days before the as-of date alone
{% set windows = [7, 14, 28, 56, 112, 364] %}
{% set kinds = {'view': 'views', 'cart': 'carts', 'wishlist': 'wishlists', 'search': 'searches'} %}
with as_of_dates as (

    select as_of_date from {{ ref('as_of_dates') }}

),

users as (

    select
        user_id,
        {{ local_date('signed_up_at') }} as signed_up_on,
        x_columns
    from {{ ref('stg_users') }}

),

activity as (

    select
        as_of_dates.as_of_date,
        days.user_id,
        days.activity_date,
        days.event_type,
        days.events,
        days.visits,
        days.units,
        days.spend,
        days.list_spend,
        days.dwell_seconds,
        {{ days_between('days.activity_date', 'as_of_dates.as_of_date') }} as days_ago
    from {{ ref('user_activity_days') }} as days
    inner join as_of_dates on days.activity_date < as_of_dates.as_of_date

),

purchase_days as (

    select
        as_of_date,
        user_id,
        activity_date,
        days_ago,
        events,
        visits,
        units,
        spend,
        list_spend,
        {{ days_between('lag(activity_date) over (partition by as_of_date, user_id order by activity_date)', 'activity_date') }}
            as gap_days
    from activity
    where event_type = 'purchase'

),

purchases as (

    select
        as_of_date,
        user_id,
        min(days_ago) as recency_days,
        max(days_ago) as days_since_first_purchase,
        {% for days in windows -%}
        sum(case when days_ago <= {{ days }} then 1 else 0 end) as visit_days_{{ days }}d,
        {% endfor -%}
        {% for days in [28, 112, 364] -%}
        sum(case when days_ago <= {{ days }} then spend else 0 end) as spend_{{ days }}d,
        {% endfor -%}
        sum(case when days_ago <= 112 then visits else 0 end) as orders_112d,
        sum(case when days_ago <= 112 then events else 0 end) as lines_112d,
        sum(case when days_ago <= 364 then list_spend else 0 end) as list_spend_364d,
        sum(case when days_ago <= 364 then list_spend - spend else 0 end) as discount_364d,
        {{ exact_sum('case when days_ago <= 364 then spend * exp(-days_ago / 90.0) else 0 end') }} as recency_weighted_spend,
        avg(gap_days) as mean_gap_days,
        -- the sample deviation, from whole-number sums
        sqrt(
            (count(gap_days) * sum(gap_days * gap_days) - sum(gap_days) * sum(gap_days))
            / nullif(cast(count(gap_days) * (count(gap_days) - 1) as double), 0)
        ) as sd_gap_days
    from purchase_days
    group by as_of_date, user_id

),

browsing as (

    select
        as_of_date,
        user_id,
        min(days_ago) as days_since_last_event,
        {% for kind, name in kinds.items() -%}
        sum(case when event_type = '{{ kind }}' and days_ago <= 28 then events else 0 end) as {{ name }}_28d,
        {% endfor -%}
        {{ exact_sum('case when days_ago <= 28 then dwell_seconds end') }} as dwell_seconds_28d
    from activity
    where event_type <> 'purchase'
    group by as_of_date, user_id

),

redemptions as (

    select
        as_of_dates.as_of_date,
        redeemed.user_id,
        count(*) as redemptions_364d
    from {{ ref('stg_coupon_redemptions') }} as redeemed
    inner join as_of_dates
        on
            redeemed.redeemed_on < as_of_dates.as_of_date
            and {{ days_between('redeemed.redeemed_on', 'as_of_dates.as_of_date') }} <= 364
    group by as_of_dates.as_of_date, redeemed.user_id

),

reviews as (

    select
        as_of_dates.as_of_date,
        reviews.user_id,
        {{ exact_avg('reviews.rating') }} as mean_rating
    from {{ ref('stg_reviews') }} as reviews
    inner join as_of_dates on reviews.reviewed_on < as_of_dates.as_of_date
    group by as_of_dates.as_of_date, reviews.user_id

),

joined as (

    select
        known.as_of_date,
        known.user_id,
        cast(purchases.recency_days as integer) as recency_days,
        cast(browsing.days_since_last_event as integer) as days_since_last_event,
        cast(purchases.days_since_first_purchase as integer) as days_since_first_purchase,
        cast({{ days_between('users.signed_up_on', 'known.as_of_date') }} as integer) as days_since_sign_up,
        {% for days in windows -%}
        cast(coalesce(purchases.visit_days_{{ days }}d, 0) as integer) as visit_days_{{ days }}d,
        {% endfor -%}
        {% for days in [28, 112, 364] -%}
        cast(coalesce(purchases.spend_{{ days }}d, 0) as decimal(18, 2)) as spend_{{ days }}d,
        {% endfor -%}
        cast(coalesce(purchases.recency_weighted_spend, 0) as double) as recency_weighted_spend,
        cast(coalesce(purchases.orders_112d, 0) as integer) as orders_112d,
        cast(coalesce(purchases.lines_112d, 0) as integer) as lines_112d,
        cast(purchases.spend_112d / nullif(purchases.orders_112d, 0) as double) as mean_order_value_112d,
        cast(purchases.mean_gap_days as double) as mean_gap_days,
        cast(purchases.sd_gap_days as double) as sd_gap_days,
        cast(purchases.discount_364d / nullif(purchases.list_spend_364d, 0) as double) as discount_share_364d,
        {% for name in kinds.values() -%}
        cast(coalesce(browsing.{{ name }}_28d, 0) as integer) as {{ name }}_28d,
        {% endfor -%}
        cast(browsing.dwell_seconds_28d as double) as dwell_seconds_28d,
        cast(coalesce(redemptions.redemptions_364d, 0) as integer) as redemptions_364d,
        cast(reviews.mean_rating as double) as mean_rating,
        users.x_columns
    from {{ ref('known_users') }} as known
    inner join users on known.user_id = users.user_id
    left join purchases
        on known.user_id = purchases.user_id and known.as_of_date = purchases.as_of_date
    left join browsing
        on known.user_id = browsing.user_id and known.as_of_date = browsing.as_of_date
    left join redemptions
        on known.user_id = redemptions.user_id and known.as_of_date = redemptions.as_of_date
    left join reviews
        on known.user_id = reviews.user_id and known.as_of_date = reviews.as_of_date

),

final as (

    select
        *,
        cast(percent_rank() over (partition by as_of_date order by recency_weighted_spend) as double) as value_percentile,
        cast(discount_share_364d / nullif({{ exact_avg('discount_share_364d', 'over (partition by as_of_date)') }}, 0) as double)
            as relative_discount_use
    from joined

)

select * from final
-- a user's rows lie together, so that a lookup reads them alone
order by as_of_date, user_id
