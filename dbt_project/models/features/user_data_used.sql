-- how much is known of each user: rows of each of the shop's tables, first and last day
-- A table in the order of users: counting order lines for one look-up would read them all.
{% set sources = {
    'order_lines': 'ordered_at',
    'events': 'event_at',
    'reviews': 'reviewed_at',
    'coupon_redemptions': 'redeemed_at',
    'campaign_sends': 'sent_at',
    'consents': 'changed_at',
    'offer_feedback': 'given_at',
    'loyalty_accounts': 'joined_at',
} %}
with counted as (

    {% for source, moment in sources.items() -%}
    select
        user_id,
        '{{ source }}' as table_name,
        count(*) as row_count,
        min({{ moment }}) as first_at,
        max({{ moment }}) as last_at
    from {{ ref('stg_' ~ source) }}
    group by user_id
    {{ "union all" if not loop.last }}
    {% endfor %}

),

final as (

    select
        user_id,
        table_name,
        cast(row_count as bigint) as row_count,
        {{ local_date('first_at') }} as first_on,
        {{ local_date('last_at') }} as last_on
    from counted

)

select * from final
order by user_id, table_name
