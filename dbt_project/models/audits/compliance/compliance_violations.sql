-- everything that breaks a rule of audits.compliance: the rule, where the row is, its key, and what is wrong with it
{# what speaks against reaching a person, by offer or in an audience #}
{% set of_people = {'MARKETING_CONSENT': 'not marketing_consent', 'HOLDOUT': 'is_holdout', 'RISK_FLAG': 'is_flagged'} %}
with dates as (

    {{ scoring_day() }}

),

permissions as (

    select
        permissions.user_id,
        permissions.marketing_consent,
        permissions.personalisation_consent,
        permissions.is_holdout
    from {{ ref('user_permissions') }} as permissions
    inner join dates on permissions.as_of_date = dates.as_of_date

),

announced_against as (

    select
        before.product_id,
        coalesce(before.reduction_began_on, before.as_of_date) as looked_back_from,
        {{ add_days('coalesce(before.reduction_began_on, before.as_of_date)', '-before.prior_price_days') }} as first_day
    from {{ ref('product_prior_prices') }} as before
    inner join dates on before.as_of_date = dates.as_of_date

),

history as (

    select distinct product_id
    from {{ ref('stg_price_history') }}

),

-- the lowest price of the days that a reduction is announced against, seen without the model that decides it: of those dated in
-- them and the last before, which holds into them where the product's prices are recorded, and else for price_gap_days
lowest as (

    select
        before.product_id,
        least(
            min(case when days.price_date >= before.first_day then days.lowest_price end),
            max_by(days.lowest_price, case when days.price_date <= before.first_day then days.price_date end)
        ) as lowest_price
    from announced_against as before
    inner join {{ ref('product_price_days') }} as days
        on
            before.product_id = days.product_id
            and before.looked_back_from > days.price_date
    left join history on before.product_id = history.product_id
    where history.product_id is not null or days.price_date >= {{ add_days('before.first_day', -var('price_gap_days')) }}
    group by before.product_id

),

prices as (

    select
        prices.user_id,
        prices.product_id,
        prices.list_price,
        prices.personal_price,
        prices.non_personal_price,
        prices.prior_price,
        prices.announced_discount_percent,
        prices.announced_discount_percent is not null and (
            not coalesce(prices.personal_price < prices.prior_price, false)
            or prices.announced_discount_percent
            > 100 * (prices.prior_price - prices.personal_price) / nullif(prices.prior_price, 0) + 0.000001
            or prices.prior_price > lowest.lowest_price
        )
        or (
            prices.personal_price < prices.non_personal_price
            and prices.personal_price >= prices.prior_price
        ) as breaks_prior_price,
        prices.personal_price <> prices.non_personal_price and coalesce(trim(prices.disclosure), '') = '' as breaks_disclosure,
        greatest(prices.personal_price, prices.non_personal_price) > prices.list_price as breaks_list_price,
        prices.non_personal_price is null as breaks_non_personal_twin,
        not coalesce(permissions.personalisation_consent, false)
        and coalesce(prices.personal_price <> prices.non_personal_price, true) as breaks_no_personal_price
    from {{ ref('dynamic_prices') }} as prices
    left join permissions on prices.user_id = permissions.user_id
    left join lowest on prices.product_id = lowest.product_id

),

broken_prices as (

    select
        *,
        concat_ws(
            '', 'list price ', cast(list_price as string), ', price ', cast(personal_price as string),
            ', without the person ', coalesce(cast(non_personal_price as string), 'none'),
            ', prior price ', coalesce(cast(prior_price as string), 'none'),
            ', announced ', coalesce(cast(announced_discount_percent as string), 'no'), ' %'
        ) as evidence
    from prices
    where breaks_prior_price or breaks_disclosure or breaks_list_price or breaks_non_personal_twin or breaks_no_personal_price

),

offers as (

    select
        offers.offer_id,
        offers.user_id,
        offers.promotion_id,
        offers.campaign_id,
        offers.reserved_budget,
        coalesce(permissions.marketing_consent, false) as marketing_consent,
        coalesce(permissions.is_holdout, true) as is_holdout,
        coalesce(risk.is_flagged, false) as is_flagged,
        considered.is_campaign_holdout,
        considered.user_redemptions >= considered.per_user_limit
        or considered.user_redemptions_1d >= considered.per_user_day_limit
        or considered.user_redemptions_7d >= considered.per_user_week_limit
        or considered.user_redemptions_31d >= considered.per_user_month_limit as is_beyond_limits
    from {{ ref('offers') }} as offers
    inner join dates on offers.as_of_date = dates.as_of_date
    left join permissions on offers.user_id = permissions.user_id
    left join {{ ref('risk_scores') }} as risk on offers.as_of_date = risk.as_of_date and offers.user_id = risk.user_id
    left join {{ ref('considered_promotions') }} as considered
        on offers.user_id = considered.user_id and offers.promotion_id = considered.promotion_id

),

audiences as (

    select
        audience.campaign_id,
        audience.user_id,
        coalesce(permissions.marketing_consent, false) as marketing_consent,
        coalesce(permissions.is_holdout, true) as is_holdout,
        coalesce(risk.is_flagged, false) as is_flagged
    from {{ ref('campaign_audience') }} as audience
    left join permissions on audience.user_id = permissions.user_id
    left join {{ ref('risk_scores') }} as risk on audience.as_of_date = risk.as_of_date and audience.user_id = risk.user_id

),

contacts as (

    select
        offers.user_id,
        count(distinct offers.campaign_id) + coalesce(max(earlier.contacts_7d), 0) as contacts
    from offers
    left join {{ ref('user_contacts') }} as earlier on offers.user_id = earlier.user_id
    group by offers.user_id

),

-- offers of today and those of days before that are open
held as (

    select
        user_id,
        promotion_id,
        reserved_budget,
        1 as is_today
    from offers

    union all

    select
        user_id,
        promotion_id,
        reserved_budget,
        0 as is_today
    from {{ ref('reservations') }}

),

holders as (

    select
        user_id,
        count(*) as open_offers
    from held
    group by user_id
    having sum(is_today) > 0

),

-- what uses took beyond a budget since is no decision of today
budgets as (

    select
        terms.budget_id,
        max(terms.budget) as budget,
        max(terms.budget_spent) as budget_spent,
        sum(held.reserved_budget) as budget_reserved
    from held
    inner join {{ ref('promotion_terms') }} as terms on held.promotion_id = terms.promotion_id
    group by terms.budget_id
    having sum(held.is_today) > 0

),

redemptions as (

    select
        terms.promotion_id,
        max(terms.max_redemptions) as max_redemptions,
        max(terms.redemptions) + count(*) as redemptions
    from held
    inner join {{ ref('promotion_terms') }} as terms on held.promotion_id = terms.promotion_id
    group by terms.promotion_id
    having sum(held.is_today) > 0

),

refusers as (

    select user_id
    from permissions
    where not personalisation_consent

),

violations as (

    {% for rule in ['prior_price', 'disclosure', 'list_price', 'non_personal_twin', 'no_personal_price'] -%}
    select
        '{{ rule | upper }}' as rule,
        'promotions.dynamic_prices' as relation,
        concat_ws(' / ', user_id, product_id) as row_key,
        evidence
    from broken_prices
    where breaks_{{ rule }}

    union all

    {% endfor -%}
    select
        'NO_PERSONAL_RECOMMENDATION' as rule,
        'promotions.recommendations' as relation,
        concat_ws(' / ', shown.user_id, shown.product_id) as row_key,
        shown.recommendation_source as evidence
    from {{ ref('recommendations') }} as shown
    inner join refusers on shown.user_id = refusers.user_id
    where shown.recommendation_source <> 'best_seller'

    {% for scores in user_scores() -%}
    union all

    select
        'NO_PROFILE' as rule,
        'scores.{{ scores }}' as relation,
        scores.user_id as row_key,
        concat_ws('', 'rows: ', cast(count(*) as string)) as evidence
    from {{ ref(scores) }} as scores
    inner join refusers on scores.user_id = refusers.user_id
    group by scores.user_id

    {% endfor -%}
    union all

    select
        'NO_PROFILE' as rule,
        'scores.risk_scores' as relation,
        risk.user_id as row_key,
        'no rule of risk control holds' as evidence
    from {{ ref('risk_scores') }} as risk
    inner join refusers on risk.user_id = refusers.user_id
    where risk.points = 0 and risk.override_verdict is null

    union all

    select
        'NO_PROFILE' as rule,
        'scores.risk_anomaly' as relation,
        anomalies.user_id as row_key,
        'no rule of risk control holds' as evidence
    from {{ ref('risk_anomaly') }} as anomalies
    inner join refusers on anomalies.user_id = refusers.user_id
    left join {{ ref('risk_rule_hits') }} as hits on anomalies.user_id = hits.user_id
    where hits.user_id is null

    {% for rule, condition in dict(
        of_people, CAMPAIGN_HOLDOUT='is_campaign_holdout', USER_LIMITS='is_beyond_limits'
    ).items() -%}
    union all

    select
        '{{ rule }}' as rule,
        'promotions.offers' as relation,
        offer_id as row_key,
        concat_ws('', 'user ', user_id, ', promotion ', promotion_id) as evidence
    from offers
    where {{ condition }}

    {% endfor -%}
    {% for rule, condition in of_people.items() -%}
    union all

    select
        '{{ rule }}' as rule,
        'promotions.campaign_audience' as relation,
        concat_ws(' / ', campaign_id, user_id) as row_key,
        'in the audience' as evidence
    from audiences
    where {{ condition }}

    {% endfor -%}
    union all

    select
        'CONTACT_FREQUENCY' as rule,
        'promotions.offers' as relation,
        user_id as row_key,
        concat_ws('', 'contacts: ', cast(contacts as string)) as evidence
    from contacts
    where contacts > {{ policy_value('max_contacts_7d') }}

    union all

    select
        'OPEN_OFFERS' as rule,
        'promotions.offers' as relation,
        user_id as row_key,
        concat_ws('', 'open offers: ', cast(open_offers as string)) as evidence
    from holders
    where open_offers > {{ policy_value('max_offers_per_user') }}

    union all

    select
        'BUDGET' as rule,
        'promotions.promotion_terms' as relation,
        budget_id as row_key,
        concat_ws(
            '', 'budget ', cast(budget as string), ', spent ', cast(budget_spent as string), ', set aside ',
            cast(budget_reserved as string)
        ) as evidence
    from budgets
    where budget_spent + budget_reserved > budget

    union all

    select
        'MAX_REDEMPTIONS' as rule,
        'promotions.promotion_terms' as relation,
        promotion_id as row_key,
        concat_ws(
            '', 'at most ', cast(max_redemptions as string), ', used or set aside ', cast(redemptions as string)
        ) as evidence
    from redemptions
    where redemptions > max_redemptions

),

final as (

    select
        dates.as_of_date,
        violations.rule,
        violations.relation,
        coalesce(violations.row_key, '(no key)') as row_key,
        violations.evidence
    from violations
    cross join dates

)

select * from final
