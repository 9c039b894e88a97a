-- signs of coupon abuse, one row a user: shared accounts, bursts of coupons, returns, sign-ups; the higher, the more suspicious
with policy as (

    select {{ policy_value('risk_window_days') }} as window_days

),

as_of_dates as (

    select as_of_date from {{ ref('as_of_dates') }}

),

users as (

    select
        as_of_dates.as_of_date,
        users.user_id,
        users.signed_up_at,
        links.ring_id,
        coalesce(links.ring_accounts, 1) as ring_accounts,
        coalesce(links.address_accounts, 0) as address_accounts,
        coalesce(links.payment_accounts, 0) as payment_accounts,
        coalesce(links.device_accounts, 0) as device_accounts
    from {{ ref('stg_users') }} as users
    cross join as_of_dates
    left join {{ ref('linked_accounts') }} as links
        on users.user_id = links.user_id and as_of_dates.as_of_date = links.as_of_date
    where users.signed_up_at is null or users.signed_up_at < {{ utc_midnight('as_of_dates.as_of_date') }}

),

lines as (

    select
        as_of_dates.as_of_date,
        lines.user_id,
        lines.order_id,
        lines.line_number,
        lines.ordered_on,
        lines.quantity
    from {{ ref('stg_order_lines') }} as lines
    cross join policy
    inner join as_of_dates
        on
            lines.ordered_on < as_of_dates.as_of_date
            and {{ days_between('lines.ordered_on', 'as_of_dates.as_of_date') }} <= policy.window_days
    where lines.quantity > 0

),

bought as (

    select
        as_of_date,
        user_id,
        count(distinct ordered_on) as order_days,
        sum(quantity) as units
    from lines
    group by as_of_date, user_id

),

redeemed as (

    select
        as_of_dates.as_of_date,
        redeemed.user_id,
        redeemed.coupon_id,
        redeemed.redeemed_at,
        redeemed.redeemed_on,
        -- several coupons on one order are one occasion
        coalesce(redeemed.order_id, cast(redeemed.redeemed_at as string)) as occasion
    from {{ ref('stg_coupon_redemptions') }} as redeemed
    cross join policy
    inner join as_of_dates
        on
            redeemed.redeemed_on < as_of_dates.as_of_date
            and {{ days_between('redeemed.redeemed_on', 'as_of_dates.as_of_date') }} <= policy.window_days

),

occasions as (

    select
        as_of_date,
        user_id,
        occasion,
        min(redeemed_at) as redeemed_at
    from redeemed
    group by as_of_date, user_id, occasion

),

rolling as (

    select
        as_of_date,
        user_id,
        count(*) over (
            partition by as_of_date, user_id
            order by redeemed_at range between interval 24 hours preceding and current row
        ) as orders_24h,
        count(*) over (
            partition by as_of_date, user_id
            order by redeemed_at range between interval 7 days preceding and current row
        ) as orders_7d
    from occasions

),

bursts as (

    select
        as_of_date,
        user_id,
        max(orders_24h) as coupon_orders_24h,
        max(orders_7d) as coupon_orders_7d
    from rolling
    group by as_of_date, user_id

),

coupon_use as (

    select
        redeemed.as_of_date,
        redeemed.user_id,
        count(distinct redeemed.redeemed_on) as coupon_days,
        count(distinct case
            when redeemed.redeemed_at between users.signed_up_at and {{ add_hours('users.signed_up_at', 48) }}
                then redeemed.occasion
        end) as new_account_coupons
    from redeemed
    inner join users on redeemed.as_of_date = users.as_of_date and redeemed.user_id = users.user_id
    group by redeemed.as_of_date, redeemed.user_id

),

ring_use as (

    select
        redeemed.as_of_date,
        users.ring_id,
        redeemed.user_id,
        redeemed.coupon_id,
        redeemed.redeemed_on
    from redeemed
    inner join users on redeemed.as_of_date = users.as_of_date and redeemed.user_id = users.user_id
    where users.ring_id is not null
    group by redeemed.as_of_date, users.ring_id, redeemed.user_id, redeemed.coupon_id, redeemed.redeemed_on

),

ring_coupons as (

    select
        as_of_date,
        ring_id,
        coupon_id,
        count(distinct user_id) as accounts
    from ring_use
    group by as_of_date, ring_id, coupon_id

),

ring_days as (

    select
        *,
        count(*) over (partition by as_of_date, ring_id, coupon_id, redeemed_on) as accounts_that_day
    from ring_use

),

linked_use as (

    select
        ring_days.as_of_date,
        ring_days.user_id,
        max(ring_coupons.accounts) as same_coupon_accounts,
        count(distinct case when ring_coupons.accounts >= 3 then ring_days.coupon_id end) as shared_coupons,
        sum(case when ring_days.accounts_that_day >= 3 then 1 else 0 end) as same_coupon_days
    from ring_days
    inner join ring_coupons
        on
            ring_days.as_of_date = ring_coupons.as_of_date
            and ring_days.ring_id = ring_coupons.ring_id
            and ring_days.coupon_id = ring_coupons.coupon_id
    group by ring_days.as_of_date, ring_days.user_id

),

-- accounts of the ring that signed up in the week that ends, or begins, with the user's own sign-up
sign_ups as (

    select
        as_of_date,
        user_id,
        greatest(
            count(*) over (
                partition by as_of_date, ring_id
                order by signed_up_at range between interval 7 days preceding and current row
            ),
            count(*) over (
                partition by as_of_date, ring_id
                order by signed_up_at range between current row and interval 7 days following
            )
        ) as linked_sign_ups
    from users
    where ring_id is not null and signed_up_at is not null

),

returned as (

    select
        lines.as_of_date,
        lines.user_id,
        count(distinct concat_ws('|', returns.order_id, cast(returns.line_number as string))) as returned_lines,
        sum(returns.quantity) as returned_units
    from {{ ref('stg_returns') }} as returns
    inner join lines
        on
            returns.order_id = lines.order_id
            and returns.line_number = lines.line_number
            and returns.returned_on < lines.as_of_date
    group by lines.as_of_date, lines.user_id

),

final as (

    select
        users.as_of_date,
        users.user_id,
        users.ring_id,
        cast(users.address_accounts as double) as address_accounts,
        cast(users.payment_accounts as double) as payment_accounts,
        cast(users.device_accounts as double) as device_accounts,
        cast(users.ring_accounts - 1 as double) as linked_accounts,
        cast(coalesce(linked_use.same_coupon_accounts, 0) as double) as same_coupon_accounts,
        cast(coalesce(linked_use.same_coupon_days, 0) as double) as same_coupon_days,
        cast(coalesce(linked_use.shared_coupons, 0) as double) as shared_coupons,
        cast(coalesce(coupon_use.coupon_days, 0) as double) as coupon_days,
        least(coalesce(coupon_use.coupon_days / nullif(cast(bought.order_days as double), 0), 0), 1) as coupon_day_share,
        cast(coalesce(bursts.coupon_orders_24h, 0) as double) as coupon_orders_24h,
        cast(coalesce(bursts.coupon_orders_7d, 0) as double) as coupon_orders_7d,
        cast(coalesce(coupon_use.new_account_coupons, 0) as double) as new_account_coupons,
        cast(coalesce(sign_ups.linked_sign_ups, 0) as double) as linked_sign_ups,
        cast(coalesce(returned.returned_lines, 0) as double) as returned_lines,
        least(coalesce(cast(returned.returned_units as double) / nullif(cast(bought.units as double), 0), 0), 1) as return_share
    from users
    left join bought on users.as_of_date = bought.as_of_date and users.user_id = bought.user_id
    left join bursts on users.as_of_date = bursts.as_of_date and users.user_id = bursts.user_id
    left join coupon_use on users.as_of_date = coupon_use.as_of_date and users.user_id = coupon_use.user_id
    left join linked_use on users.as_of_date = linked_use.as_of_date and users.user_id = linked_use.user_id
    left join sign_ups on users.as_of_date = sign_ups.as_of_date and users.user_id = sign_ups.user_id
    left join returned on users.as_of_date = returned.as_of_date and users.user_id = returned.user_id

)

select * from final
