-- one row a user with any event and as-of date: when a user comes, how regularly, and whether the next visit is due
{% set half_lives = [7, 14, 28, 56, 112] %}
{% set spend_half_lives = [28, 56, 112] %}
{% set rhythm_weeks = 26 %}
with as_of_dates as (

    select as_of_date from {{ ref('as_of_dates') }}

),

activity as (

    select
        as_of_dates.as_of_date,
        days.user_id,
        days.activity_date,
        days.event_type <> 'purchase' as is_event,
        days.events,
        {{ days_between('days.activity_date', 'as_of_dates.as_of_date') }} as days_ago
    from {{ ref('user_activity_days') }} as days
    inner join as_of_dates on days.activity_date < as_of_dates.as_of_date

),

browsing as (

    select
        as_of_date,
        user_id,
        {% for days in [7, 28] -%}
        count(distinct case when is_event and days_ago <= {{ days }} then activity_date end) as event_days_{{ days }}d,
        sum(case when is_event and days_ago <= {{ days }} then events else 0 end) as events_{{ days }}d,
        {% endfor -%}
        count(distinct case when is_event and days_ago <= 56 then activity_date end) as event_days_56d,
        sum(case when is_event and days_ago <= 56 then events else 0 end) as events_56d
    from activity
    group by as_of_date, user_id

),

-- the gap before a visit doesn't depend on the as-of date
visits as (

    select
        user_id,
        activity_date,
        spend,
        {{ days_between('lag(activity_date) over (partition by user_id order by activity_date)', 'activity_date') }} as gap_days
    from {{ ref('user_activity_days') }}
    where event_type = 'purchase'

),

known as (

    select
        as_of_dates.as_of_date,
        visits.user_id,
        visits.spend,
        sqrt(cast(greatest(visits.spend, 0) as double)) as root_spend,
        visits.gap_days,
        {{ days_between('visits.activity_date', 'as_of_dates.as_of_date') }} as days_ago
    from visits
    inner join as_of_dates on visits.activity_date < as_of_dates.as_of_date

),

ranked as (

    select
        as_of_date,
        user_id,
        spend,
        root_spend,
        gap_days,
        days_ago,
        days_ago <= {{ 7 * rhythm_weeks }} as is_recent,
        row_number() over (partition by as_of_date, user_id order by days_ago) as visit_rank,
        min(days_ago) over (partition by as_of_date, user_id) as recency_days,
        max(days_ago) over (partition by as_of_date, user_id) as observed_days,
        cast(sum(case when days_ago <= 112 then spend end) over (partition by as_of_date, user_id) as double)
        / nullif(sum(case when days_ago <= 112 then 1 end) over (partition by as_of_date, user_id), 0) as mean_visit_spend
    from known

),

rhythms as (

    select
        as_of_date,
        user_id,
        max(recency_days) as recency_days,
        max(observed_days) as observed_days,
        max(mean_visit_spend) as mean_visit_spend,
        cast(median(gap_days) as double) as median_gap_days,
        {% for rank in [1, 2, 3] -%}
        max(case when visit_rank = {{ rank }} then gap_days end) as gap_{{ rank }}_days,
        {% endfor -%}
        count(gap_days) as gaps,
        sum(case when gap_days < recency_days then 1 else 0 end) as shorter_gaps,
        sum(case when gap_days >= recency_days and gap_days < recency_days + 7 then 1 else 0 end) as gaps_ending_within_a_week,
        sum(case when gap_days >= recency_days then 1 else 0 end) as longer_gaps,
        {% for days in [7, 14, 56] -%}
        sum(case when days_ago <= {{ days }} then spend else 0 end) as spend_{{ days }}d,
        {% endfor -%}
        max(case when visit_rank = 1 then spend end) as last_visit_spend,
        min(case when spend >= mean_visit_spend then days_ago end) as days_since_large_visit,
        sum(case when days_ago <= 28 and spend >= mean_visit_spend then 1 else 0 end) as large_visits_28d,
        sum(case when days_ago <= 28 and spend < mean_visit_spend then 1 else 0 end) as small_visits_28d,
        {% for days in half_lives -%}
        {{ exact_sum('power(0.5, days_ago / ' ~ days ~ '.0)') }} as decayed_visits_{{ days }}d,
        {% endfor -%}
        {% for days in spend_half_lives -%}
        {{ exact_sum('root_spend * power(0.5, days_ago / ' ~ days ~ '.0)') }} as decayed_spend_{{ days }}d,
        {% endfor -%}
        {% for day in range(1, 7) -%}
        sum(case when is_recent and days_ago % 7 = {{ (8 - day) % 7 }} then 1 else 0 end) as weekday_{{ day }}_visits,
        {% endfor -%}
        sum(case when is_recent and days_ago % 7 = 1 then 1 else 0 end) as weekday_7_visits
    from ranked
    group by as_of_date, user_id

),

weeks as (

    select distinct
        as_of_date,
        user_id,
        cast(floor((days_ago - 1) / 7) as integer) as weeks_ago
    from known
    where days_ago <= {{ 7 * rhythm_weeks }}

),

numbered_weeks as (

    select
        as_of_date,
        user_id,
        weeks_ago,
        row_number() over (partition by as_of_date, user_id order by weeks_ago) as week_rank
    from weeks

),

-- visited weeks without a gap up to the last one have as many visited weeks before them as weeks have gone by
streaks as (

    select
        as_of_date,
        user_id,
        count(*) as weeks_visited,
        sum(case when weeks_ago < 8 then 1 else 0 end) as weeks_visited_8,
        sum(case when weeks_ago = week_rank - 1 then 1 else 0 end) as week_streak
    from numbered_weeks
    group by as_of_date, user_id

),

final as (

    select
        browsing.as_of_date,
        browsing.user_id,
        rhythms.median_gap_days,
        {% for rank in [1, 2, 3] -%}
        cast(rhythms.gap_{{ rank }}_days as integer) as gap_{{ rank }}_days,
        {% endfor -%}
        cast(rhythms.recency_days / rhythms.median_gap_days as double) as overdue_ratio,
        cast(rhythms.shorter_gaps as double) / nullif(rhythms.gaps, 0) as shorter_gaps_share,
        cast(rhythms.gaps_ending_within_a_week as double) / (rhythms.longer_gaps + 1) as week_return_rate,
        {% for days in [7, 14, 56] -%}
        cast(coalesce(rhythms.spend_{{ days }}d, 0) as decimal(18, 2)) as spend_{{ days }}d,
        {% endfor -%}
        cast(rhythms.last_visit_spend as decimal(18, 2)) as last_visit_spend,
        cast(rhythms.last_visit_spend as double) / nullif(rhythms.mean_visit_spend, 0) as relative_last_visit_spend,
        cast(rhythms.days_since_large_visit as integer) as days_since_large_visit,
        cast(coalesce(rhythms.large_visits_28d, 0) as integer) as large_visits_28d,
        cast(coalesce(rhythms.small_visits_28d, 0) as integer) as small_visits_28d,
        -- over what a visit on every observed day would give: the sum of a geometric series
        {% for days in half_lives -%}
        rhythms.decayed_visits_{{ days }}d * (power(2.0, 1 / {{ days }}.0) - 1)
        / (1 - power(0.5, rhythms.observed_days / {{ days }}.0)) as visit_rate_{{ days }}d,
        {% endfor -%}
        {% for days in spend_half_lives -%}
        rhythms.decayed_spend_{{ days }}d * (power(2.0, 1 / {{ days }}.0) - 1)
        / (1 - power(0.5, rhythms.observed_days / {{ days }}.0)) as spend_rate_{{ days }}d,
        {% endfor -%}
        {% for day in range(1, 8) -%}
        cast(rhythms.weekday_{{ day }}_visits as double)
        / least({{ rhythm_weeks }}, -floor(-rhythms.observed_days / 7.0)) as weekday_{{ day }}_rate,
        {% endfor -%}
        cast(coalesce(streaks.weeks_visited, 0) as double)
        / least({{ rhythm_weeks }}, -floor(-rhythms.observed_days / 7.0)) as weeks_visited_share,
        cast(coalesce(streaks.weeks_visited_8, 0) as integer) as weeks_visited_8,
        cast(coalesce(streaks.week_streak, 0) as integer) as week_streak,
        {% for days in [7, 28] -%}
        cast(browsing.event_days_{{ days }}d as integer) as event_days_{{ days }}d,
        cast(browsing.events_{{ days }}d as integer) as events_{{ days }}d,
        {% endfor -%}
        cast(browsing.event_days_56d as integer) as event_days_56d,
        cast(browsing.events_56d as integer) as events_56d
    from browsing
    left join rhythms on browsing.as_of_date = rhythms.as_of_date and browsing.user_id = rhythms.user_id
    left join streaks on browsing.as_of_date = streaks.as_of_date and browsing.user_id = streaks.user_id

)

select * from final
