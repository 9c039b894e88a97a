-- one row an active user and as-of date: what the churn models see; active are those who bought on 3 days or more, lately too
with users as (

    select
        as_of_date,
        user_id,
        recency_days,
        days_since_first_purchase,
        visit_days_7d,
        visit_days_14d,
        visit_days_28d,
        visit_days_56d,
        visit_days_112d,
        visit_days_364d,
        spend_28d,
        spend_112d,
        spend_364d,
        lines_112d,
        discount_share_364d,
        redemptions_364d
    from {{ ref('user_features') }}
    where recency_days <= {{ var('churn_active_days') }} and visit_days_364d >= {{ var('churn_least_visit_days') }}

),

days as (

    select
        users.as_of_date,
        users.user_id,
        users.recency_days as current_gap,
        days.events,
        days.spend,
        {{ days_between('days.activity_date', 'users.as_of_date') }} as days_ago,
        {{ days_between(
            'lag(days.activity_date) over (partition by users.as_of_date, users.user_id order by days.activity_date)',
            'days.activity_date'
        ) }} as gap
    from users
    inner join {{ ref('user_activity_days') }} as days
        on
            users.user_id = days.user_id
            and users.as_of_date > days.activity_date
            and {{ days_between('days.activity_date', 'users.as_of_date') }} <= 364
    where days.event_type = 'purchase'

),

rhythm as (

    select
        as_of_date,
        user_id,
        sum(case when days_ago <= 84 then 1 else 0 end) as visit_days_84d,
        sum(case when days_ago <= 56 then spend else 0 end) as spend_56d,
        max(case when days_ago <= 28 then spend end) as largest_day_28d,
        sum(case when days_ago <= 28 then events else 0 end) as lines_28d,
        sum(events) as lines,
        sum(spend) as spend,
        count(*) as visit_days,
        {{ exact_sum('exp(-days_ago / 9.0)') }} as visits_fading_9d,
        {{ exact_sum('exp(-days_ago / 28.0)') }} as visits_fading_28d,
        sum(case when days_ago <= 84 then gap end)
        / nullif(cast(count(case when days_ago <= 84 then gap end) as double), 0) as mean_gap_84d,
        max(case when days_ago <= 112 then gap end) as longest_gap_112d,
        max(case when days_ago <= 56 then gap end) as longest_gap_56d,
        sum(case when days_ago <= 112 and gap >= 28 then 1 else 0 end) as lapses_112d,
        sum(case when gap >= current_gap then 1 else 0 end) / nullif(cast(count(gap) as double), 0) as longer_gap_share,
        count(distinct case when days_ago <= 56 then floor((days_ago - 1) / 7.0) end) as weeks_of_8,
        count(distinct case when days_ago <= 112 then floor((days_ago - 1) / 7.0) end) as weeks_of_16
    from days
    group by as_of_date, user_id

),

joined as (

    select
        users.as_of_date,
        users.user_id,
        users.recency_days,
        users.days_since_first_purchase,
        users.visit_days_7d,
        users.visit_days_14d,
        users.visit_days_28d,
        users.visit_days_56d,
        cast(rhythm.visit_days_84d as integer) as visit_days_84d,
        users.visit_days_112d,
        users.visit_days_364d,
        users.visit_days_28d - users.visit_days_14d as visit_days_15_to_28,
        users.visit_days_56d - users.visit_days_28d as visit_days_29_to_56,
        users.visit_days_112d - users.visit_days_56d as visit_days_57_to_112,
        cast(rhythm.weeks_of_8 as integer) as weeks_of_8,
        cast(rhythm.weeks_of_16 as integer) as weeks_of_16,
        users.spend_28d,
        cast(rhythm.spend_56d as decimal(18, 2)) as spend_56d,
        users.spend_112d,
        cast(rhythm.largest_day_28d as decimal(18, 2)) as largest_day_28d,
        cast(rhythm.spend / cast(rhythm.visit_days as double) as double) as spend_per_visit,
        cast(rhythm.lines / cast(rhythm.visit_days as double) as double) as lines_per_visit,
        cast(rhythm.lines_28d as integer) as lines_28d,
        users.lines_112d,
        rhythm.visits_fading_9d,
        rhythm.visits_fading_28d,
        cast(rhythm.mean_gap_84d as double) as mean_gap_84d,
        cast(rhythm.longest_gap_56d as integer) as longest_gap_56d,
        cast(rhythm.longest_gap_112d as integer) as longest_gap_112d,
        cast(rhythm.lapses_112d as integer) as lapses_112d,
        cast(rhythm.longer_gap_share as double) as longer_gap_share,
        cast(users.recency_days / rhythm.mean_gap_84d as double) as overdue_ratio,
        -- visit days a day, over all that is known and over 16 weeks of it at most
        cast(users.visit_days_364d / cast(users.days_since_first_purchase as double) as double) as visit_rate,
        cast(users.visit_days_112d / cast(least(users.days_since_first_purchase, 112) as double) as double) as visit_rate_112d,
        cast((users.visit_days_28d + 0.5) / (users.visit_days_112d - users.visit_days_28d + 1.5) as double) as visit_trend,
        cast(users.spend_28d / nullif(cast(users.spend_112d as double), 0) as double) as spend_trend,
        users.discount_share_364d as discount_share,
        users.redemptions_364d as redemptions
    from users
    inner join rhythm on users.as_of_date = rhythm.as_of_date and users.user_id = rhythm.user_id

),

rated as (

    select
        *,
        recency_days * visit_rate_112d as visits_missed,
        -- chance of a pause this long, and of one of 56 days, at a constant rate
        exp(-recency_days * visit_rate) as pause_chance,
        exp(-recency_days * visit_rate_112d) as pause_chance_112d,
        exp(-56 * visit_rate_112d) as long_pause_chance
    from joined

),

final as (

    select
        *,
        {{ float_vector(var('churn_features')) }} as features
    from rated

)

select * from final
