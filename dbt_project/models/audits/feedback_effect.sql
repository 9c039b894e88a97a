-- did users do what their verdicts on offers foretold? What they did since, beside what others like them did who had said nothing
{% set verdicts = {'like': 1, 'used': 1, 'dislike': -1, 'hide': -1} %}
{% set outcomes = ['purchase', 'redemption', 'like'] %}
with dates as (

    select
        as_of_date,
        {{ add_days('as_of_date', '-1 * ' ~ policy_value('feedback_effect_days')) }} as judged_on
    from {{ ref('as_of_dates') }}
    where as_of_date = data_until

),

-- the last verdict on a category before that day, of those that are mainly about it
judged as (

    select
        subjects.user_id,
        subjects.subject as category,
        subjects.verdict
    from {{ ref('verdict_subjects') }} as subjects
    inner join dates on subjects.given_on < dates.judged_on
    where
        subjects.subject_kind = 'category'
        and subjects.subject_share >= 0.5
    qualify
        row_number() over (
            partition by subjects.user_id, subjects.subject order by subjects.given_at desc, subjects.offer_id
        ) between 1 and 1

),

categories as (

    select distinct category
    from judged

),

actions as (

    select
        'purchase' as outcome,
        lines.user_id,
        products.category,
        lines.ordered_on as done_on
    from {{ ref('stg_order_lines') }} as lines
    inner join {{ ref('stg_products') }} as products on lines.product_id = products.product_id
    where lines.quantity > 0

    union

    select
        'redemption' as outcome,
        uses.user_id,
        products.category,
        uses.redeemed_on as done_on
    from {{ ref('promotion_uses') }} as uses
    inner join {{ ref('stg_coupon_products') }} as covered on uses.promotion_id = covered.coupon_id
    inner join {{ ref('stg_products') }} as products on covered.product_id = products.product_id

    union

    select
        'like' as outcome,
        user_id,
        subject as category,
        given_on as done_on
    from {{ ref('verdict_subjects') }}
    where
        subject_kind = 'category'
        and verdict = 'like'

),

visits as (

    select
        lines.user_id,
        count(distinct lines.ordered_on) as visit_days
    from {{ ref('stg_order_lines') }} as lines
    inner join dates
        on
            lines.ordered_on < dates.judged_on
            and lines.ordered_on >= {{ add_days('dates.judged_on', -84) }}
    group by lines.user_id

),

done as (

    select
        actions.user_id,
        actions.category,
        {% for outcome in outcomes -%}
        max(
            case
                when
                    actions.outcome = '{{ outcome }}'
                    and actions.done_on >= dates.judged_on
                    and actions.done_on < dates.as_of_date
                    then 1
                else 0
            end
        ) as did_{{ outcome }},
        {% endfor -%}
        sum(
            case
                when
                    actions.outcome = 'purchase'
                    and actions.done_on < dates.judged_on
                    and actions.done_on >= {{ add_days('dates.judged_on', -84) }}
                    then 1
                else 0
            end
        ) as purchase_days
    from actions
    inner join categories on actions.category = categories.category
    cross join dates
    group by actions.user_id, actions.category

),

-- alike: as often in the category and as often in the shop in the twelve weeks before
pairs as (

    select
        permissions.user_id,
        categories.category,
        judged.verdict,
        {% for outcome in outcomes -%}
        coalesce(done.did_{{ outcome }}, 0) as did_{{ outcome }},
        {% endfor -%}
        least(coalesce(done.purchase_days, 0), 3) as purchases_alike,
        case
            when coalesce(visits.visit_days, 0) = 0 then 0
            when visits.visit_days <= 2 then 1
            when visits.visit_days <= 6 then 2
            when visits.visit_days <= 14 then 3
            else 4
        end as visits_alike
    from {{ ref('user_permissions') }} as permissions
    inner join dates on permissions.as_of_date = dates.as_of_date
    cross join categories
    left join judged on permissions.user_id = judged.user_id and categories.category = judged.category
    left join done on permissions.user_id = done.user_id and categories.category = done.category
    left join visits on permissions.user_id = visits.user_id
    where
        permissions.personalisation_consent
        and (
            judged.verdict is not null
            or {{ in_hash_sample(ref('user_permissions'), ['permissions.user_id'], 20000) }}
        )

),

rows_of_outcomes as (

    {% for outcome in outcomes -%}
    select
        '{{ outcome }}' as outcome,
        user_id,
        category,
        verdict,
        purchases_alike,
        visits_alike,
        did_{{ outcome }} as did
    from pairs
    {{ "union all" if not loop.last }}
    {% endfor %}

),

silent as (

    select
        outcome,
        category,
        purchases_alike,
        visits_alike,
        count(*) as pairs,
        {{ exact_avg('did') }} as rate
    from rows_of_outcomes
    where verdict is null
    group by outcome, category, purchases_alike, visits_alike

),

compared as (

    select
        spoken.outcome,
        spoken.verdict,
        spoken.user_id,
        spoken.did,
        silent.rate as silent_rate,
        spoken.did - silent.rate as excess,
        -- how unsure the rate of the silent is, once for each pair that is compared with it
        silent.rate * (1 - silent.rate) / silent.pairs
        * count(*) over (
            partition by spoken.outcome, spoken.verdict, spoken.category, spoken.purchases_alike, spoken.visits_alike
        ) as silent_variance
    from rows_of_outcomes as spoken
    inner join silent
        on
            spoken.outcome = silent.outcome
            and spoken.category = silent.category
            and spoken.purchases_alike = silent.purchases_alike
            and spoken.visits_alike = silent.visits_alike
    where spoken.verdict is not null

),

totals as (

    select
        outcome,
        verdict,
        count(*) as pairs,
        {{ exact_avg('did') }} as rate,
        {{ exact_avg('silent_rate') }} as silent_rate,
        {{ exact_avg('excess') }} as difference,
        {{ exact_sum('silent_variance') }} as silent_variance,
        {{ exact_sum('silent_rate') }} as expected_events,
        {{ exact_sum('silent_rate * (1 - silent_rate)') }} as variance_if_alike
    from compared
    group by outcome, verdict

),

-- what one user does in several categories is not independent: deviations are summed by user before they are squared
by_user as (

    select
        compared.outcome,
        compared.verdict,
        compared.user_id,
        {{ exact_sum('compared.excess - totals.difference') }} as deviation
    from compared
    inner join totals on compared.outcome = totals.outcome and compared.verdict = totals.verdict
    group by compared.outcome, compared.verdict, compared.user_id

),

spread as (

    select
        outcome,
        verdict,
        count(*) as users,
        {{ exact_sum('deviation * deviation') }} as squares
    from by_user
    group by outcome, verdict

),

asked as (

    {% for verdict, sign in verdicts.items() -%}
    {% set outer = loop -%}
    {% for outcome in outcomes -%}
    select
        '{{ verdict }}' as verdict,
        '{{ outcome }}' as outcome,
        {{ sign }} as expected_sign
    {{ "union all" if not (loop.last and outer.last) }}
    {% endfor -%}
    {% endfor %}

),

measured as (

    select
        dates.as_of_date,
        dates.judged_on,
        asked.verdict,
        asked.outcome,
        asked.expected_sign,
        coalesce(totals.pairs, 0) as pairs,
        coalesce(spread.users, 0) as users,
        coalesce(spread.users, 0) < {{ policy_value('feedback_effect_least_users') }}
        or totals.expected_events < {{ policy_value('feedback_effect_least_events') }} as is_too_few,
        totals.rate,
        totals.silent_rate,
        totals.difference,
        1.96 * sqrt(
            (
                -- among few events none may fall to those who spoke, which makes nobody sure
                greatest(spread.squares * spread.users / nullif(spread.users - 1, 0), totals.variance_if_alike)
                + totals.silent_variance
            ) / cast(totals.pairs as double) / totals.pairs
        ) as margin_of_error
    from asked
    cross join dates
    left join totals on asked.verdict = totals.verdict and asked.outcome = totals.outcome
    left join spread on asked.verdict = spread.verdict and asked.outcome = spread.outcome

),

final as (

    select
        as_of_date,
        judged_on,
        verdict,
        outcome,
        cast(pairs as bigint) as pairs,
        cast(users as bigint) as users,
        cast(case when not is_too_few then rate end as double) as rate,
        cast(case when not is_too_few then silent_rate end as double) as silent_rate,
        cast(case when not is_too_few then difference end as double) as difference,
        cast(case when not is_too_few then difference - margin_of_error end as double) as difference_low,
        cast(case when not is_too_few then difference + margin_of_error end as double) as difference_high,
        case
            when is_too_few then 'too_few'
            when expected_sign * difference - margin_of_error > 0 then 'agrees'
            when expected_sign * difference + margin_of_error < 0 then 'contradicts'
            else 'no_difference'
        end as finding
    from measured

)

select * from final
