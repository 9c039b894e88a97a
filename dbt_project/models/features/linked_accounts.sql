-- accounts that share an address, a payment or a device with others, and the ring of accounts they belong to
{% set kinds = ['ship_address', 'payment', 'device'] %}
{# A ring is found by handing the lowest user_id on from account to account; so many steps from it, a ring ends. #}
{% set steps = 8 %}
with policy as (

    select
        {{ policy_value('risk_window_days') }} as window_days,
        {{ policy_value('risk_max_users_per_identifier') }} as max_users

),

used as (

    {% for kind in kinds -%}
    select
        as_of_dates.as_of_date,
        '{{ kind }}' as kind,
        lines.{{ kind }}_hash as identifier,
        lines.user_id
    from {{ ref('stg_order_lines') }} as lines
    cross join policy
    inner join {{ ref('as_of_dates') }} as as_of_dates
        on
            lines.ordered_on < as_of_dates.as_of_date
            and {{ days_between('lines.ordered_on', 'as_of_dates.as_of_date') }} <= policy.window_days
    where lines.{{ kind }}_hash is not null
    group by as_of_dates.as_of_date, lines.{{ kind }}_hash, lines.user_id
    {{ "union all" if not loop.last }}
    {% endfor %}

),

counted as (

    select
        *,
        count(*) over (partition by as_of_date, kind, identifier) as users
    from used

),

-- what more users share than any household or gang would is public, and links nobody
shared as (

    select
        counted.as_of_date,
        counted.kind,
        counted.identifier,
        counted.user_id,
        counted.users - 1 as others
    from counted
    cross join policy
    where counted.users between 2 and policy.max_users

),

by_kind as (

    select
        {% for kind in kinds -%}
        coalesce(max(case when kind = '{{ kind }}' then others end), 0) as {{ kind }}_accounts,
        {% endfor -%}
        as_of_date,
        user_id
    from shared
    group by as_of_date, user_id

),

labels_0 as (

    select
        *,
        user_id as ring_id
    from shared

),

{% for step in range(1, steps + 1) -%}
handed_{{ step }} as (

    select
        as_of_date,
        kind,
        identifier,
        user_id,
        min(ring_id) over (partition by as_of_date, kind, identifier) as ring_id
    from labels_{{ step - 1 }}

),

labels_{{ step }} as (

    select
        as_of_date,
        kind,
        identifier,
        user_id,
        min(ring_id) over (partition by as_of_date, user_id) as ring_id
    from handed_{{ step }}

),

{% endfor -%}
rings as (

    select
        as_of_date,
        user_id,
        max(ring_id) as ring_id
    from labels_{{ steps }}
    group by as_of_date, user_id

),

final as (

    select
        rings.as_of_date,
        rings.user_id,
        rings.ring_id,
        cast(count(*) over (partition by rings.as_of_date, rings.ring_id) as integer) as ring_accounts,
        cast(by_kind.ship_address_accounts as integer) as address_accounts,
        cast(by_kind.payment_accounts as integer) as payment_accounts,
        cast(by_kind.device_accounts as integer) as device_accounts
    from rings
    inner join by_kind on rings.as_of_date = by_kind.as_of_date and rings.user_id = by_kind.user_id

)

select * from final
