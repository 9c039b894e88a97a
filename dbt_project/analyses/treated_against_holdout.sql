-- What did each campaign bring, and what all promotions together? What users who got a campaign bought in the 28 days after its
-- message, beside those whom it held out; under `all promotions` what everybody bought in the last 28 days who was there when
-- the first offers were made, beside the control group that gets no promotion, refusers of marketing on both sides. Share of
-- buyers, revenue and margin a user, with 95 % intervals, and what that makes for all who got it. From the difference is taken
-- what the 28 days before the message, or the first offers, foretell (CUPED, Deng et al. 2013), so that chance weighs less.
-- What was sent back since isn't counted. A finding of unlike says that the two already differed before, so that chance alone
-- did not choose whom to hold out; too_few, that there are fewer than 30 users or 5 buyers on a side. A campaign has rows where
-- its sends name a control group, all promotions from 28 days after the first offers on; either side has min_audience_size
-- people at least.
with policy as (

    select
        max(value) filter (where name = 'min_audience_size') as least_users,
        max(value) filter (where name = 'default_margin_share') as margin_share
    from {{ ref('policy_values') }}

),

sends as (

    select
        campaign_id,
        user_id,
        treated,
        min(sent_at) as sent_at,
        min(sent_on) as sent_on
    from {{ ref('stg_campaign_sends') }}
    group by campaign_id, user_id, treated

),

-- offers of the first day: what came before them no promotion has moved
begun as (

    select min(as_of_date) as first_day
    from {{ ref('offers') }}

),

-- whose purchases are compared, and of which days; only where the days after are over
judged as (

    select
        sends.campaign_id,
        sends.user_id,
        sends.treated,
        sends.sent_at - interval 28 day as before_from,
        sends.sent_at as before_until,
        sends.sent_at as after_from,
        sends.sent_at + interval 28 day as after_until
    from sends
    cross join {{ ref('as_of_dates') }} as dates
    where dates.as_of_date >= sends.sent_on + interval 28 day

    union all

    select
        'all promotions' as campaign_id,
        users.user_id,
        not permissions.is_holdout as treated,
        begun.first_day - interval 28 day as before_from,
        begun.first_day as before_until,
        dates.as_of_date - interval 28 day as after_from,
        dates.as_of_date as after_until
    from {{ ref('stg_users') }} as users
    cross join begun
    inner join {{ ref('user_permissions') }} as permissions on users.user_id = permissions.user_id
    inner join {{ ref('as_of_dates') }} as dates on permissions.as_of_date = dates.as_of_date
    where
        dates.as_of_date >= begun.first_day + interval 28 day
        and coalesce(users.signed_up_at < begun.first_day, true)

),

returned as (

    select
        order_id,
        line_number,
        sum(quantity) as quantity
    from {{ ref('stg_returns') }}
    group by order_id, line_number

),

kept as (

    select
        lines.user_id,
        lines.ordered_at,
        lines.paid_price,
        coalesce(products.unit_cost, lines.list_price * (1 - policy.margin_share)) as unit_cost,
        greatest(lines.quantity - coalesce(returned.quantity, 0), 0) as quantity
    from {{ ref('stg_order_lines') }} as lines
    cross join policy
    left join returned on lines.order_id = returned.order_id and lines.line_number = returned.line_number
    left join {{ ref('stg_products') }} as products on lines.product_id = products.product_id

),

bought as (

    select
        judged.campaign_id,
        judged.user_id,
        kept.ordered_at >= judged.after_from as is_after,
        max(cast(kept.quantity > 0 as integer)) as buyers,
        sum(kept.paid_price * kept.quantity) as revenue,
        sum((kept.paid_price - kept.unit_cost) * kept.quantity) as margin
    from judged
    inner join kept
        on
            judged.user_id = kept.user_id
            and (
                (judged.before_from <= kept.ordered_at and judged.before_until > kept.ordered_at)
                or (judged.after_from <= kept.ordered_at and judged.after_until > kept.ordered_at)
            )
    group by judged.campaign_id, judged.user_id, kept.ordered_at >= judged.after_from

),

outcomes as (

    select unnest(['buyers', 'revenue', 'margin']) as outcome

),

measured as (

    select
        judged.campaign_id,
        judged.user_id,
        judged.treated,
        outcomes.outcome,
        cast(coalesce(case outcomes.outcome
            when 'buyers' then later.buyers
            when 'revenue' then later.revenue
            else later.margin
        end, 0) as decimal(18, 4)) as after,
        cast(coalesce(case outcomes.outcome
            when 'buyers' then earlier.buyers
            when 'revenue' then earlier.revenue
            else earlier.margin
        end, 0) as decimal(18, 4)) as before,
        coalesce(later.buyers, 0) as bought
    from judged
    cross join outcomes
    left join bought as later
        on judged.campaign_id = later.campaign_id and judged.user_id = later.user_id and later.is_after
    left join bought as earlier
        on judged.campaign_id = earlier.campaign_id and judged.user_id = earlier.user_id and not earlier.is_after

),

arms as (

    select
        campaign_id,
        outcome,
        treated,
        count(*) as users,
        sum(bought) as buyers,
        sum(after) / count(*) as after,
        sum(before) / count(*) as before,
        (sum(after * after) - sum(after) * cast(sum(after) as double) / count(*)) / (count(*) - 1) as variance_after,
        (sum(before * before) - sum(before) * cast(sum(before) as double) / count(*)) / (count(*) - 1) as variance_before,
        (sum(after * before) - sum(after) * cast(sum(before) as double) / count(*)) / (count(*) - 1) as covariance
    from measured
    group by campaign_id, outcome, treated

),

-- how much of what somebody buys is foretold by what the same person bought before, within the two groups
compared as (

    select
        got.campaign_id,
        got.outcome,
        got.users as treated_users,
        held.users as held_out_users,
        least(got.buyers, held.buyers) as fewest_buyers,
        got.after as treated,
        held.after as held_out,
        got.before - held.before as difference_before,
        got.variance_before / got.users + held.variance_before / held.users as variance_of_before,
        coalesce(
            ((got.users - 1) * got.covariance + (held.users - 1) * held.covariance)
            / nullif((got.users - 1) * got.variance_before + (held.users - 1) * held.variance_before, 0),
            0
        ) as foretold,
        got.variance_after as treated_variance,
        held.variance_after as held_out_variance,
        got.variance_before as treated_variance_before,
        held.variance_before as held_out_variance_before,
        got.covariance as treated_covariance,
        held.covariance as held_out_covariance
    from arms as got
    inner join arms as held
        on got.campaign_id = held.campaign_id and got.outcome = held.outcome and got.treated and not held.treated
    cross join policy
    where got.users >= greatest(policy.least_users, 2) and held.users >= greatest(policy.least_users, 2)

),

estimated as (

    select
        *,
        treated - held_out - foretold * difference_before as difference,
        1.96 * sqrt(greatest(
            (treated_variance - 2 * foretold * treated_covariance + foretold * foretold * treated_variance_before) / treated_users
            + (held_out_variance - 2 * foretold * held_out_covariance + foretold * foretold * held_out_variance_before)
            / held_out_users,
            0
        )) as margin_of_error
    from compared

),

final as (

    select
        campaign_id,
        outcome,
        treated_users,
        held_out_users,
        round(treated, 4) as treated,
        round(held_out, 4) as held_out,
        round(difference, 4) as difference,
        round(difference - margin_of_error, 4) as difference_low,
        round(difference + margin_of_error, 4) as difference_high,
        round(difference * treated_users, 2) as total,
        round((difference - margin_of_error) * treated_users, 2) as total_low,
        round((difference + margin_of_error) * treated_users, 2) as total_high,
        case
            when least(treated_users, held_out_users) < 30 or fewest_buyers < 5 then 'too_few'
            when abs(difference_before) > 3 * sqrt(variance_of_before) then 'unlike'
            when difference - margin_of_error > 0 then 'gain'
            when difference + margin_of_error < 0 then 'loss'
            else 'no_difference'
        end as finding
    from estimated

)

select * from final
order by campaign_id, outcome
