-- what today's decisions gave each group of people: the sums that audits.fairness compares
with dates as (

    {{ scoring_day() }}

),

permissions as (

    select
        permissions.as_of_date,
        permissions.user_id,
        permissions.marketing_consent,
        permissions.personalisation_consent,
        permissions.is_holdout,
        coalesce(risk.is_flagged, false) as is_flagged
    from {{ ref('user_permissions') }} as permissions
    inner join dates on permissions.as_of_date = dates.as_of_date
    left join {{ ref('risk_scores') }} as risk
        on permissions.as_of_date = risk.as_of_date and permissions.user_id = risk.user_id
    where {{ in_audit_sample('permissions.user_id') }}

),

-- offers of today, and those of days before that are open
held as (

    select
        offers.user_id,
        offers.face_value
    from {{ ref('offers') }} as offers
    inner join dates on offers.as_of_date = dates.as_of_date

    union all

    select
        user_id,
        cast(null as decimal(18, 2)) as face_value
    from {{ ref('reservations') }}

),

offered as (

    select
        user_id,
        sum(face_value) as face_value,
        count(face_value) as offers_today
    from held
    group by user_id

),

-- who refused personalisation sees the market price by their own choice
priced as (

    select
        prices.user_id,
        {{ exact_sum('(prices.list_price - prices.personal_price) / cast(prices.list_price as double)') }} as depth,
        count(*) as prices,
        sum(prices.personal_price) as personal_price,
        sum(prices.non_personal_price) as non_personal_price
    from {{ ref('dynamic_prices') }} as prices
    inner join permissions on prices.user_id = permissions.user_id and permissions.personalisation_consent
    group by prices.user_id

),

paid as (

    select
        days.user_id,
        sum(days.spend) as spend,
        sum(days.list_spend) as list_spend
    from {{ ref('user_activity_days') }} as days
    inner join dates
        on
            days.activity_date < dates.as_of_date
            and days.activity_date >= {{ add_days('dates.as_of_date', -364) }}
    where days.event_type = 'purchase'
    group by days.user_id

),

measured as (

    -- only who may be offered something can be treated unequally
    select
        permissions.as_of_date,
        'offers' as decision,
        'offer_rate' as measure,
        permissions.user_id,
        cast(case when offered.user_id is null then 0 else 1 end as double) as numerator,
        cast(1 as double) as denominator
    from permissions
    left join offered on permissions.user_id = offered.user_id
    where
        permissions.marketing_consent
        and not permissions.is_holdout
        and not permissions.is_flagged

    {% for decision, measure, relation, numerator, denominator in [
        ('offers', 'offer_value', 'offered', 'face_value', 'offers_today'),
        ('prices', 'discount_depth', 'priced', 'depth', 'prices'),
        ('prices', 'price_to_market', 'priced', 'personal_price', 'non_personal_price'),
        ('prices', 'price_paid_to_list', 'paid', 'spend', 'list_spend'),
    ] -%}
    union all

    select
        permissions.as_of_date,
        '{{ decision }}' as decision,
        '{{ measure }}' as measure,
        permissions.user_id,
        cast({{ relation }}.{{ numerator }} as double) as numerator,
        cast({{ relation }}.{{ denominator }} as double) as denominator
    from permissions
    inner join {{ relation }} on permissions.user_id = {{ relation }}.user_id

    {% endfor -%}
    union all

    select
        as_of_date,
        'risk' as decision,
        'risk_flag_rate' as measure,
        user_id,
        cast(case when is_flagged then 1 else 0 end as double) as numerator,
        cast(1 as double) as denominator
    from permissions

),

final as (

    {{ group_sums('measured') }}

)

select * from final
