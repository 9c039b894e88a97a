-- What did users who got a campaign spend in the 28 days after it, beside those it held out? What they sent back since isn't
-- counted, and who sent back everything is no buyer. A first look: no interval, no model.
-- Without rows where no send names a control group; campaigns with fewer than min_audience_size people on a side are left out.
with sends as (

    select
        campaign_id,
        user_id,
        treated,
        min(sent_on) as sent_on
    from {{ ref('stg_campaign_sends') }}
    group by campaign_id, user_id, treated

),

-- campaigns whose 28 days are over
judged as (

    select sends.*
    from sends
    cross join {{ ref('as_of_dates') }} as dates
    where dates.as_of_date >= sends.sent_on + interval 28 day

),

returned as (

    select
        order_id,
        line_number,
        sum(quantity) as quantity
    from {{ ref('stg_returns') }}
    group by order_id, line_number

),

spend as (

    select
        judged.campaign_id,
        judged.user_id,
        judged.treated,
        coalesce(
            sum(lines.paid_price * greatest(lines.quantity - coalesce(returned.quantity, 0), 0)), 0
        ) as spend_28d
    from judged
    left join {{ ref('stg_order_lines') }} as lines
        on
            judged.user_id = lines.user_id
            and judged.sent_on <= lines.ordered_on
            and judged.sent_on + interval 28 day > lines.ordered_on
    left join returned on lines.order_id = returned.order_id and lines.line_number = returned.line_number
    group by judged.campaign_id, judged.user_id, judged.treated

),

final as (

    select
        campaign_id,
        count(*) filter (where treated) as treated_users,
        count(*) filter (where not treated) as held_out_users,
        round(avg(spend_28d) filter (where treated), 2) as treated_spend,
        round(avg(spend_28d) filter (where not treated), 2) as held_out_spend,
        round(avg(spend_28d) filter (where treated) - avg(spend_28d) filter (where not treated), 2) as difference,
        round(avg(cast(spend_28d > 0 as integer)) filter (where treated), 4) as treated_buyers_share,
        round(avg(cast(spend_28d > 0 as integer)) filter (where not treated), 4) as held_out_buyers_share
    from spend
    group by campaign_id

)

select final.*
from final
inner join {{ ref('policy_values') }} as policy on policy.name = 'min_audience_size'
where final.treated_users >= policy.value and final.held_out_users >= policy.value
order by final.campaign_id
