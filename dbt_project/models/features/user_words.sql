-- what each user bought and looked at, as words: one row a word, weighed by the days on which it came up
with policy as (

    select {{ policy_value('topic_window_days') }} as window_days

),

products as (

    select
        product_id,
        {{ topic_word() }} as word
    from {{ ref('stg_products') }}

),

touched as (

    select
        lines.user_id,
        products.word,
        lines.ordered_on as touched_on,
        10 as weight
    from {{ ref('stg_order_lines') }} as lines
    inner join products on lines.product_id = products.product_id
    where lines.quantity > 0 and products.word is not null

    union all

    select
        events.user_id,
        products.word,
        events.event_on as touched_on,
        -- as in user_product_history: a cart or wish is 0.3 of a purchase day, a view 0.1; in tenths, whose sums are exact
        case when events.event_type = 'view' then 1 else 3 end as weight
    from {{ ref('stg_events') }} as events
    inner join products on events.product_id = products.product_id
    where events.event_type in ('view', 'cart', 'wishlist') and products.word is not null

),

-- the strongest thing a user did with a word on a day stands for the day
by_day as (

    select
        user_id,
        word,
        touched_on,
        max(weight) as weight
    from touched
    group by user_id, word, touched_on

),

looked_back as (

    select
        as_of_dates.as_of_date,
        by_day.user_id,
        by_day.word,
        count(*) as days,
        cast(sum(by_day.weight) as double) / 10 as weighted_days
    from by_day
    cross join policy
    inner join {{ ref('as_of_dates') }} as as_of_dates
        on
            by_day.touched_on < as_of_dates.as_of_date
            and {{ days_between('by_day.touched_on', 'as_of_dates.as_of_date') }} <= policy.window_days
    group by as_of_dates.as_of_date, by_day.user_id, by_day.word

),

final as (

    select
        as_of_date,
        user_id,
        word,
        cast(days as integer) as days,
        -- what is bought every week says little more than what is bought every other one
        cast(least(weighted_days, 1) + ln(greatest(weighted_days, 1)) as float) as word_count
    from looked_back

)

select * from final
