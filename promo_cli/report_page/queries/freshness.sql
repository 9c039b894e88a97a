-- the newest day of each table that has days, and how long before the as-of date it lies
with days as (
    select max(as_of_date) as as_of_date
    from promotions.user_segments
),

newest as (
    select
        'order_lines' as table_name,
        max(ordered_at) as newest_at
    from staging.stg_order_lines
    union all
    select
        'events' as table_name,
        max(event_at) as newest_at
    from staging.stg_events
    union all
    select
        'reviews' as table_name,
        max(reviewed_at) as newest_at
    from staging.stg_reviews
    union all
    select
        'coupon_redemptions' as table_name,
        max(redeemed_at) as newest_at
    from staging.stg_coupon_redemptions
    union all
    select
        'campaign_sends' as table_name,
        max(sent_at) as newest_at
    from staging.stg_campaign_sends
    union all
    select
        'inventory' as table_name,
        max(as_of_date) as newest_at
    from staging.stg_inventory
    union all
    select
        'competitor_prices' as table_name,
        max(observed_at) as newest_at
    from staging.stg_competitor_prices
    union all
    select
        'offer_feedback' as table_name,
        max(given_at) as newest_at
    from staging.stg_offer_feedback
    union all
    select
        'consents' as table_name,
        max(changed_at) as newest_at
    from staging.stg_consents
)

select
    newest.table_name,
    cast(newest.newest_at as date) as newest_day,
    date_diff('day', cast(newest.newest_at as date), days.as_of_date) as days_old
from newest
cross join days
where newest.newest_at is not null
order by days_old, newest.table_name
