-- each user's last 50 event days as tokens that speak of time, oldest first, zeros before them
with as_of_dates as (

    select as_of_date from {{ ref('as_of_dates') }}

),

known as (

    select
        as_of_dates.as_of_date,
        days.user_id,
        days.event_type,
        days.activity_date,
        {{ days_between('days.activity_date', 'as_of_dates.as_of_date') }} as days_before
    from {{ ref('user_activity_days') }} as days
    inner join as_of_dates on days.activity_date < as_of_dates.as_of_date

),

-- `between 1 and`, never `<=`: DuckDB's top-n rewrite of the latter takes all memory on a large shop.
-- On one day a purchase counts as the newest event, then kinds go by name, so that the order is always the same.
newest as (

    select
        as_of_date,
        user_id,
        event_type,
        days_before,
        row_number() over (
            partition by as_of_date, user_id
            order by activity_date desc, case when event_type = 'purchase' then 0 else 1 end, event_type
        ) as recency_rank
    from known
    qualify recency_rank between 1 and {{ sequence_length() }}

),

words as (

    select
        as_of_date,
        user_id,
        recency_rank,
        concat_ws('', event_type, '|', {{ gap_class('days_before') }}) as word
    from newest

),

sequences as (

    select
        as_of_date,
        user_id,
        {{ collect_ordered(token('word'), '-recency_rank') }} as tokens,
        count(*) as event_count
    from words
    group by as_of_date, user_id

),

final as (

    select
        as_of_date,
        user_id,
        {{ pad_left('tokens', sequence_length(), 'cast(0 as integer)') }} as tokens,
        cast(event_count as integer) as event_count
    from sequences

)

select * from final
