-- what each campaign that runs or begins soon would do, before anything is sent: whom it reaches, what it costs, what it brings
{{ config(materialized='table') }}
{# what passes with time or money, and says nothing against the person; and what an offer that the user holds already says #}
{% set passing = [
    'NOT_YET_VALID', 'OFFER_LIMIT', 'CONTACT_LIMIT', 'BUDGET_EXHAUSTED', 'CAP_REDEMPTIONS', 'CAP_USER_DAY', 'CAP_USER_WEEK',
    'CAP_USER_MONTH',
] %}
{% set held = ['ALREADY_OWNED', 'EXCLUSIVE_GROUP'] %}
{% set control = ['HOLDOUT', 'CAMPAIGN_HOLDOUT'] %}
{% set top = 3 %}
with campaigns as (

    select * from {{ ref('campaign_calendar') }}

),

pairs as (

    select
        eligibility.campaign_id,
        eligibility.user_id,
        eligibility.promotion_id,
        eligibility.product_id,
        eligibility.reject_bits,
        eligibility.redemption_score,
        eligibility.cost,
        eligibility.expected_margin,
        eligibility.priority,
        coalesce(eligibility.exclusive_group, eligibility.promotion_id) as choice,
        eligibility.budget_id,
        eligibility.budget - eligibility.budget_spent - eligibility.budget_reserved as budget_left,
        eligibility.max_redemptions - eligibility.redemptions - eligibility.reserved_redemptions as uses_left,
        {{ fails_only('eligibility.reject_bits', passing) }} as is_open,
        {{ fails_only('eligibility.reject_bits', passing + held) }} as is_addressed,
        {{ fails_only('eligibility.reject_bits', passing + held + control[1:]) }} as is_addressed_or_campaign_control,
        {{ fails_only('eligibility.reject_bits', passing + held + control) }} as is_fit
    from {{ ref('coupon_eligibility') }} as eligibility
    inner join campaigns on eligibility.campaign_id = campaigns.campaign_id

),

people as (

    select
        campaign_id,
        user_id,
        bool_or(is_addressed) as is_addressed,
        bool_or(is_addressed_or_campaign_control) as is_addressed_or_campaign_control,
        bool_or(is_fit) as is_fit,
        min_by(reject_bits, concat_ws('|', cast(100 + bit_count(reject_bits) as string), promotion_id)) as reject_bits
    from pairs
    group by campaign_id, user_id

),

sizes as (

    select
        campaign_id,
        sum(case when is_addressed then 1 else 0 end) as audience_size,
        sum(case when is_fit and not is_addressed_or_campaign_control then 1 else 0 end) as universal_holdout_size,
        sum(case when is_addressed_or_campaign_control and not is_addressed then 1 else 0 end) as campaign_holdout_size
    from people
    group by campaign_id

),

-- of each exclusive group the best, of those the best that a user may hold at a time
chosen as (

    select
        pairs.*,
        row_number() over (
            partition by pairs.campaign_id, pairs.user_id, pairs.choice
            order by pairs.expected_margin desc, pairs.priority, pairs.promotion_id
        ) as place_in_choice
    from pairs
    where pairs.is_open and pairs.expected_margin > 0

),

picked as (

    select
        *,
        row_number() over (
            partition by campaign_id, user_id order by expected_margin desc, priority, promotion_id
        ) as user_rank
    from chosen
    where place_in_choice = 1

),

-- what budgets and bounds on uses leave of them, best use of the money first
afforded as (

    select
        *,
        sum(cost) over (
            partition by budget_id order by expected_margin / greatest(cost, 0.01) desc, user_id, promotion_id
            rows unbounded preceding
        ) as budget_taken,
        row_number() over (partition by promotion_id order by expected_margin desc, user_id) as uses_taken
    from picked
    where user_rank <= {{ policy_value('max_offers_per_user') }}

),

-- uses that would not have been bought without the offer: as far as an effect of promotions is scored, by it
effective as (

    select
        afforded.*,
        effects.promo_effect is not null as is_measured,
        case
            when effects.promo_effect is not null then least(effects.promo_effect, afforded.redemption_score)
            else afforded.redemption_score * {{ policy_value('assumed_incremental_share') }}
        end as additional_uses
    from afforded
    left join {{ ref('promo_effect_scores') }} as effects
        on afforded.user_id = effects.user_id and afforded.product_id = effects.product_id
    where
        (afforded.budget_left is null or afforded.budget_taken <= afforded.budget_left)
        and (afforded.uses_left is null or afforded.uses_taken <= afforded.uses_left)

),

expected as (

    select
        campaign_id,
        count(distinct user_id) as users,
        count(*) as offers,
        {{ exact_sum('redemption_score') }} as redemptions,
        sum(cost) as reservation,
        {{ exact_sum('redemption_score * cost') }} as cost,
        {{ exact_sum('expected_margin') }} as margin,
        -- the margin of the additional sales, before the benefit, less what the benefit costs on all uses
        {{ exact_sum('additional_uses * (expected_margin / redemption_score + cost) - redemption_score * cost') }}
            as incremental_margin,
        {{ exact_avg('case when is_measured then 1 else 0 end') }} as measured_share
    from effective
    group by campaign_id

),

purses as (

    select
        campaign_id,
        budget_id,
        max(budget) as budget,
        max(budget_spent) as budget_spent
    from {{ ref('promotion_terms') }}
    where budget is not null
    group by campaign_id, budget_id

),

budgets as (

    select
        campaign_id,
        sum(budget) as budget,
        sum(budget_spent) as budget_spent
    from purses
    group by campaign_id

),

-- offers of the day and open ones of days before
made as (

    select
        offers.user_id,
        offers.promotion_id,
        offers.reserved_budget,
        1 as is_today
    from {{ ref('offers') }} as offers
    inner join {{ ref('as_of_dates') }} as dates
        on offers.as_of_date = dates.as_of_date and offers.as_of_date = dates.data_until

    union all

    select
        user_id,
        promotion_id,
        reserved_budget,
        0 as is_today
    from {{ ref('reservations') }}

),

reserved as (

    select
        terms.campaign_id,
        count(distinct made.user_id) as users,
        count(distinct case when made.is_today = 1 then made.user_id end) as users_today,
        count(*) as offers,
        sum(made.is_today) as offers_today,
        sum(case when terms.budget is not null then made.reserved_budget end) as budget_reserved
    from made
    inner join {{ ref('promotion_terms') }} as terms on made.promotion_id = terms.promotion_id
    group by terms.campaign_id

),

-- why the others are left out: what speaks against the promotion of the campaign that is nearest to them
combinations as (

    select
        campaign_id,
        reject_bits,
        count(*) as users
    from people
    where not is_fit
    group by campaign_id, reject_bits

),

reasons as (

    select
        combinations.campaign_id,
        codes.code,
        sum(combinations.users) as users
    from combinations
    inner join {{ ref('reject_codes') }} as codes on (combinations.reject_bits & codes.bit) <> 0
    where (codes.bit & {{ rule_bits(passing + held + control) }}) = 0
    group by combinations.campaign_id, codes.code

),

ranked as (

    select
        *,
        row_number() over (partition by campaign_id order by users desc, code) as place
    from reasons
    where users >= {{ policy_value('min_audience_size') }}

),

refusals as (

    select
        {% for place in range(1, top + 1) -%}
        max(case when place = {{ place }} then code end) as refusal_{{ place }},
        max(case when place = {{ place }} then users end) as refusal_{{ place }}_users,
        {% endfor -%}
        campaign_id
    from ranked
    group by campaign_id

),

-- numbers for so few people that they could tell of one of them are not shown; none at all is
judged as (

    select
        campaigns.*,
        coalesce(sizes.audience_size, 0) as audience_size,
        coalesce(sizes.universal_holdout_size, 0) as universal_holdout_size,
        coalesce(sizes.campaign_holdout_size, 0) as campaign_holdout_size,
        {% for name, size in {
            'audience': 'sizes.audience_size',
            'universal_holdout': 'sizes.universal_holdout_size',
            'campaign_holdout': 'sizes.campaign_holdout_size',
            'plan': 'expected.users',
            'open': 'reserved.users',
            'today': 'reserved.users_today',
        }.items() -%}
        coalesce({{ size }}, 0) = 0 or {{ size }} >= {{ policy_value('min_audience_size') }} as shows_{{ name }},
        {% endfor -%}
        {% for place in range(1, top + 1) -%}
        refusals.refusal_{{ place }},
        refusals.refusal_{{ place }}_users,
        {% endfor -%}
        coalesce(expected.offers, 0) as expected_offers,
        coalesce(expected.redemptions, 0) as expected_redemptions,
        coalesce(expected.cost, 0) as expected_cost,
        coalesce(expected.margin, 0) as expected_margin,
        coalesce(expected.incremental_margin, 0) as expected_incremental_margin,
        expected.measured_share,
        coalesce(expected.reservation, 0) as expected_reservation,
        budgets.budget,
        budgets.budget_spent,
        coalesce(reserved.budget_reserved, 0) as budget_reserved,
        coalesce(reserved.offers, 0) as offers_open,
        coalesce(reserved.offers_today, 0) as offers_today
    from campaigns
    left join sizes on campaigns.campaign_id = sizes.campaign_id
    left join expected on campaigns.campaign_id = expected.campaign_id
    left join budgets on campaigns.campaign_id = budgets.campaign_id
    left join reserved on campaigns.campaign_id = reserved.campaign_id
    left join refusals on campaigns.campaign_id = refusals.campaign_id

),

final as (

    select
        as_of_date,
        campaign_id,
        campaign_name,
        campaign_kind,
        status,
        starts_at,
        ends_at,
        promotions,
        promotion_ids,
        {% for name in ['audience', 'universal_holdout', 'campaign_holdout'] -%}
        cast(case when shows_{{ name }} then {{ name }}_size end as integer) as {{ name }}_size,
        {% endfor -%}
        cast(case when shows_plan then expected_offers end as integer) as expected_offers,
        {% for name in ['expected_redemptions', 'expected_cost', 'expected_margin', 'expected_incremental_margin'] -%}
        cast(case when shows_plan then {{ name }} end as decimal(18, 2)) as {{ name }},
        {% endfor -%}
        cast(case when shows_plan then measured_share end as double) as measured_share,
        cast(case when shows_plan then expected_reservation end as decimal(18, 2)) as expected_reservation,
        cast(budget as decimal(18, 2)) as budget,
        cast(budget_spent as decimal(18, 2)) as budget_spent,
        cast(case when shows_open then budget_reserved end as decimal(18, 2)) as budget_reserved,
        cast(case
            when shows_open and budget is not null then greatest(budget - budget_spent - budget_reserved, 0)
        end as decimal(18, 2)) as budget_left,
        cast(case when shows_open then offers_open end as integer) as offers_open,
        {% for place in range(1, top + 1) -%}
        refusal_{{ place }},
        cast(refusal_{{ place }}_users as integer) as refusal_{{ place }}_users,
        {% endfor -%}
        cast(case when shows_today then offers_today end as integer) as offers_today
    from judged

)

select * from final
