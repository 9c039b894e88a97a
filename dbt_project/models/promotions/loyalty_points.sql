-- the ledger of loyalty points: earned, taken back with a return, redeemed, expired, and the balance after each entry
-- Points go first in, first out, so all that has left an account is one number R, measured along the points in the order in
-- which they expire. A debit d leaves R = least(earned so far, greatest(R before, due so far) + d). Unrolled over a user's debits
-- that is a least of greatests, which window functions can take (the CTEs `starts` to `debits`).
{{ config(materialized='table') }}
{% set columns = [
    'user_id', 'step', 'kind', 'move_id', 'order_id', 'line_number', 'moved_at', 'moved_on', 'earned_at', 'expires_on', 'queue_end',
    'earning', 'asked',
] %}
with dates as (

    {{ scoring_day() }}

),

earned as (

    select
        *,
        sum(points) over (
            partition by user_id order by expires_on, earned_at, earned_id rows unbounded preceding
        ) as queue_end
    from {{ ref('points_earned') }}

),

returns as (

    select
        earned.user_id,
        earned.order_id,
        earned.line_number,
        earned.points,
        earned.expires_on,
        greatest(returns.returned_at, earned.earned_at) as returned_at,
        greatest(returns.returned_on, earned.earned_on) as returned_on,
        -- all that came back of the line so far, as a share of it
        least(1, cast(sum(returns.quantity) over (
            partition by returns.order_id, returns.line_number order by returns.returned_at rows unbounded preceding
        ) as double) / cast(earned.quantity as double)) as share,
        row_number() over (partition by returns.order_id, returns.line_number order by returns.returned_at) as return_number
    from {{ ref('stg_returns') }} as returns
    inner join earned on returns.order_id = earned.order_id and returns.line_number = earned.line_number

),

taken_back as (

    select
        *,
        {{ rounded_half_up('points * share') }} as points_so_far
    from returns

),

asked as (

    select
        user_id,
        'returned' as kind,
        concat_ws('|', order_id, cast(line_number as string), cast(return_number as string)) as move_id,
        order_id,
        line_number,
        returned_at as moved_at,
        returned_on as moved_on,
        -- what had expired by then is gone already
        case
            when returned_on >= expires_on then 0
            else points_so_far - coalesce(
                lag(points_so_far) over (partition by order_id, line_number order by return_number), 0
            )
        end as points
    from taken_back

    union all

    select
        redemptions.user_id,
        'redeemed' as kind,
        redemptions.redemption_id as move_id,
        redemptions.order_id,
        cast(null as integer) as line_number,
        redemptions.redeemed_at as moved_at,
        redemptions.redeemed_on as moved_on,
        redemptions.points
    from {{ ref('stg_points_redemptions') }} as redemptions
    inner join {{ ref('loyalty_members') }} as members
        on redemptions.user_id = members.user_id and redemptions.redeemed_at >= members.counts_from

),

-- at one moment: what expires at the day's beginning, then what is earned, then what is asked for
moves as (

    select
        earned.user_id,
        0 as step,
        'expired' as kind,
        earned.earned_id as move_id,
        earned.order_id,
        earned.line_number,
        {{ utc_midnight('earned.expires_on') }} as moved_at,
        earned.expires_on as moved_on,
        earned.earned_at,
        cast(null as date) as expires_on,
        cast(null as decimal(38, 2)) as queue_end,
        cast(0 as decimal(18, 2)) as earning,
        earned.points as expiring,
        cast(0 as decimal(18, 2)) as asked
    from earned
    inner join dates on earned.expires_on <= dates.as_of_date

    union all

    select
        user_id,
        1 as step,
        kind,
        earned_id as move_id,
        order_id,
        line_number,
        earned_at as moved_at,
        earned_on as moved_on,
        earned_at,
        expires_on,
        queue_end,
        points as earning,
        cast(0 as decimal(18, 2)) as expiring,
        cast(0 as decimal(18, 2)) as asked
    from earned

    union all

    select
        user_id,
        2 as step,
        kind,
        move_id,
        order_id,
        line_number,
        moved_at,
        moved_on,
        moved_at as earned_at,
        cast(null as date) as expires_on,
        cast(null as decimal(38, 2)) as queue_end,
        cast(0 as decimal(18, 2)) as earning,
        cast(0 as decimal(18, 2)) as expiring,
        cast(points as decimal(18, 2)) as asked
    from asked

),

-- whose points were asked for: of everyone else's, all that is due expires
spending as (

    select
        *,
        row_number() over (partition by user_id order by moved_at, step, earned_at, kind, move_id) as place
    from moves
    where user_id in (select asked.user_id from asked)

),

running as (

    select
        *,
        sum(earning) over (partition by user_id order by place rows unbounded preceding) as earned_so_far,
        sum(expiring) over (partition by user_id order by place rows unbounded preceding) as due_so_far,
        sum(asked) over (partition by user_id order by place rows unbounded preceding) as asked_so_far
    from spending

),

numbered as (

    select
        user_id,
        place,
        row_number() over (partition by user_id order by place) as debit_number,
        earned_so_far,
        asked_so_far,
        due_so_far - (asked_so_far - asked) as due_unasked
    from running
    where step = 2

),

-- where R may have been capped last: at no debit, or at any
starts as (

    select
        user_id,
        debit_number,
        earned_so_far - asked_so_far as level
    from numbered

    union all

    select distinct
        user_id,
        0 as debit_number,
        0 as level
    from numbered

),

paths as (

    select
        numbered.user_id,
        numbered.place,
        numbered.asked_so_far,
        greatest(starts.level, max(
            case when numbered.debit_number > starts.debit_number then numbered.due_unasked end
        ) over (
            partition by starts.user_id, starts.debit_number order by numbered.debit_number rows unbounded preceding
        )) as level
    from starts
    inner join numbered on starts.user_id = numbered.user_id and starts.debit_number <= numbered.debit_number

),

debits as (

    select
        user_id,
        place,
        asked_so_far + min(level) as removed
    from paths
    group by user_id, place, asked_so_far

),

removing as (

    select
        running.*,
        debits.removed,
        coalesce(max(debits.removed) over (
            partition by running.user_id order by running.place rows between unbounded preceding and 1 preceding
        ), 0) as removed_before,
        coalesce(max(debits.removed) over (partition by running.user_id), 0) as removed_in_all
    from running
    left join debits on running.user_id = debits.user_id and running.place = debits.place

),

counted as (

    select
        {{ columns | join(',\n        ') }},
        removed_in_all,
        case step
            when 0 then -greatest(due_so_far - greatest(due_so_far - expiring, removed_before), 0)
            when 1 then earning
            else greatest(removed_before, due_so_far) - removed
        end as points
    from removing

    union all

    select
        {{ columns | join(',\n        ') }},
        0 as removed_in_all,
        earning - expiring as points
    from moves
    where user_id not in (select asked.user_id from asked)

),

entered as (

    select
        *,
        row_number() over (partition by user_id order by moved_at, step, earned_at, kind, move_id) as entry_number,
        sum(points) over (
            partition by user_id order by moved_at, step, earned_at, kind, move_id rows unbounded preceding
        ) as balance_after
    from counted
    where step > 0 or points < 0

),

final as (

    select
        md5(concat_ws('|', entered.kind, entered.user_id, entered.move_id)) as entry_id,
        entered.user_id,
        entered.kind,
        entered.moved_at as entered_at,
        entered.moved_on as entered_on,
        cast(entered.points as decimal(18, 2)) as points,
        cast(case when entered.step = 2 then -entered.asked end as decimal(18, 2)) as points_asked,
        cast(entered.balance_after as decimal(18, 2)) as balance_after,
        entered.order_id,
        entered.line_number,
        case when entered.kind = 'redeemed' then entered.move_id end as redemption_id,
        entered.expires_on,
        cast(case
            when entered.step <> 1 then null
            when entered.expires_on <= dates.as_of_date then 0
            else greatest(entered.queue_end - greatest(entered.queue_end - entered.earning, entered.removed_in_all), 0)
        end as decimal(18, 2)) as points_left,
        cast(entered.entry_number as integer) as entry_number
    from entered
    cross join dates

)

select * from final
