-- what each offer was decided by, as it was then: terms, verdict, price, place, scores, feature values, the shop's rows behind it
-- Rows are only added, and only where a decision differs from the one on record; the policy says how long they stay.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    full_refresh=false,
    post_hook="{{ forget_older_than('offer_inputs_days') }}"
) }}

{% set terms = [
    'promotion_name', 'kind', 'campaign_id', 'face_value', 'amount_off', 'percent_off', 'points_multiplier', 'min_spend',
    'categories', 'valid_from', 'valid_to', 'reserved_budget', 'redemption_score', 'expected_margin', 'user_rank',
    'min_margin', 'reason',
] %}
{% set verdict = [
    'is_eligible', 'reject_reasons', 'purchase_intent', 'feedback_weight', 'redemption_score', 'face_value', 'cost',
    'expected_margin', 'incremental_margin', 'budget_id', 'budget', 'budget_spent', 'budget_reserved', 'max_redemptions',
    'redemptions', 'reserved_redemptions', 'open_offers', 'contacts_7d', 'priority', 'exclusive_group',
] %}
{% set place = [
    'strategy', 'decision', 'user_rank', 'efficiency', 'choice_class', 'budget_left', 'redemptions_left', 'offers_left',
] %}
{% set price = [
    'list_price', 'demand_factor', 'stock_factor', 'competitor_factor', 'market_price', 'interest', 'relative_interest',
    'price_sensitivity', 'formula_price', 'price_floor', 'response_floor', 'binding_guardrail', 'guarded_price',
    'personal_price', 'non_personal_price', 'prior_price', 'reduction_began_on', 'reason',
] %}
{% set kept = [
    'as_of_date', 'user_id', 'promotion_id', 'product_id', 'terms', 'verdict', 'price', 'place', 'scores', 'features',
    'source_rows',
] %}
{% set written = [] %}
{% for column in kept %}{% do written.append("coalesce(cast(" ~ column ~ " as string), '')") %}{% endfor %}
with made as (

    select
        offers.*,
        offers.promotion_id as coupon_id,
        categories.category
    from {{ ref('offers') }} as offers
    inner join {{ ref('as_of_dates') }} as dates
        on offers.as_of_date = dates.as_of_date and offers.as_of_date = dates.data_until
    left join {{ ref('category_promotion_interest') }} as categories
        on offers.user_id = categories.user_id and offers.promotion_id = categories.promotion_id

),

-- What is put in words is of the offers made alone: of every pair that is eligible it would be many times more.
terms as (

    select
        offer_id,
        {{ json_object(terms) }} as terms
    from made

),

-- by user first: a condition on one column reaches the tables of a view
verdicts as (

    select
        eligibility.user_id,
        eligibility.promotion_id,
        {{ json_object(verdict) }} as verdict
    from {{ ref('coupon_eligibility') }} as eligibility
    where
        eligibility.is_eligible
        and eligibility.user_id in (select made.user_id from made)
        and exists (
            select 1
            from made
            where eligibility.user_id = made.user_id and eligibility.promotion_id = made.promotion_id
        )

),

allocated as (

    select
        allocation.user_id,
        allocation.promotion_id,
        allocation.decision,
        allocation.efficiency,
        eligible.user_rank,
        eligible.choice_class,
        eligible.budget_left,
        eligible.redemptions_left,
        eligible.offers_left,
        strategies.strategy
    from {{ ref('allocation') }} as allocation
    inner join {{ ref('eligible_promotions') }} as eligible
        on allocation.user_id = eligible.user_id and allocation.promotion_id = eligible.promotion_id
    inner join {{ ref('allocation_strategies') }} as strategies on strategies.is_in_use
    where exists (
        select 1
        from made
        where allocation.user_id = made.user_id and allocation.promotion_id = made.promotion_id
    )

),

places as (

    select
        user_id,
        promotion_id,
        {{ json_object(place) }} as place
    from allocated

),

-- by user first, as above: a condition on two columns would put every price of every user in words
prices_of_users as (

    select *
    from {{ ref('dynamic_prices') }}
    where user_id in (select made.user_id from made)

),

priced as (

    select
        made.offer_id,
        prices.*
    from made
    inner join prices_of_users as prices on made.user_id = prices.user_id and made.product_id = prices.product_id

),

prices as (

    select
        offer_id,
        {{ json_object(price) }} as price
    from priced

),

{% for kind in explained_scores() -%}
{% set scores_of_offer, inputs_of_offer = [], [] -%}
{% for key in ['user_id'] + ([kind.item] if kind.item else []) -%}
{% do scores_of_offer.append('made.' ~ key ~ ' = scores.' ~ key) -%}
{% do inputs_of_offer.append('made.' ~ key ~ ' = inputs.' ~ key) -%}
{% endfor -%}
of_{{ kind.score }} as (

    select
        made.offer_id,
        scores.{{ kind.score }} as score,
        scores.model_name,
        scores.model_version,
        inputs.{{ kind.arguments | last }} as vector
    from made
    inner join {{ ref(kind.scores) }} as scores
        on {{ scores_of_offer | join(' and ') }}
    left join {{ ref(kind.inputs) }} as inputs
        on {{ inputs_of_offer | join(' and ') }}

),

told_{{ kind.score }} as (

    select
        *,
        {{ json_object(['score', 'model_name', 'model_version']) }} as told
    from of_{{ kind.score }}

),

{% endfor -%}
sources as (

    {% for source in offer_sources() -%}
    {% set own_key = source.get('own_key', source['key']) -%}
    select
        '{{ own_key }}' as own_key,
        counted.{{ source['key'] }} as key_value,
        {{ loop.index }} as position,
        'shop.{{ source.table }}' as table_name,
        '{{ source['key'] }}' as key_column,
        count(*) as row_count,
        cast({{ 'min(' ~ source.dated ~ ')' if source.dated else 'null' }} as date) as first_on,
        cast({{ 'max(' ~ source.dated ~ ')' if source.dated else 'null' }} as date) as last_on
    from {{ ref('stg_' ~ source.table) }} as counted
    where counted.{{ source['key'] }} in (select made.{{ own_key }} from made)
    group by counted.{{ source['key'] }}
    {{ "union all" if not loop.last }}
    {% endfor %}

),

sources_in_words as (

    select
        own_key,
        key_value,
        position,
        {{ json_object(['table_name', 'key_column', 'row_count', 'first_on', 'last_on']) }} as told
    from sources

),

of_offers as (

    {% for own_key in ['user_id', 'product_id', 'promotion_id'] -%}
    select
        made.offer_id,
        sources.position,
        sources.told
    from made
    inner join sources_in_words as sources on made.{{ own_key }} = sources.key_value and sources.own_key = '{{ own_key }}'
    {{ "union all" if not loop.last }}
    {% endfor %}

),

source_lists as (

    select
        offer_id,
        concat_ws('', '[', {{ join_array(collect_ordered('told', 'position'), ', ') }}, ']') as source_rows
    from of_offers
    group by offer_id

),

events as (

    select
        made.offer_id,
        inputs.tokens
    from made
    inner join {{ ref('purchase_intent_inputs') }} as inputs
        on made.as_of_date = inputs.as_of_date and made.user_id = inputs.user_id

),

{% set scores = {} -%}
{% set features = {'purchase_intent_tokens': 'cast(events.tokens as string)'} -%}
{% for kind in explained_scores() -%}
{% do scores.update({kind.score: 'told_' ~ kind.score ~ '.told'}) -%}
{# tokens of events are kept once, as they are, beside the windows; vectors are put in words last, which take more room -#}
{% set names = kind.features[sequence_length():] if kind.arguments | length > 1 else kind.features -%}
{% do features.update({kind.score: json_of_vector(names, 'told_' ~ kind.score ~ '.vector')}) -%}
{% endfor -%}
decided as (

    select
        made.offer_id,
        made.as_of_date,
        made.user_id,
        made.promotion_id,
        made.product_id,
        terms.terms,
        verdicts.verdict,
        prices.price,
        places.place,
        {{ json_members(scores) }} as scores,
        {{ json_members(features) }} as features,
        coalesce(source_lists.source_rows, '[]') as source_rows
    from made
    inner join terms on made.offer_id = terms.offer_id
    left join verdicts on made.user_id = verdicts.user_id and made.promotion_id = verdicts.promotion_id
    left join places on made.user_id = places.user_id and made.promotion_id = places.promotion_id
    left join prices on made.offer_id = prices.offer_id
    left join source_lists on made.offer_id = source_lists.offer_id
    left join events on made.offer_id = events.offer_id
    {% for kind in explained_scores() -%}
    left join told_{{ kind.score }} on made.offer_id = told_{{ kind.score }}.offer_id
    {% endfor %}

),

hashed as (

    select
        *,
        md5(concat_ws(
            '|',
            {{ written | join(',\n            ') }}
        )) as content_hash
    from decided

),

{% if is_incremental() -%}
on_record as (

    select
        offer_id,
        max_by(content_hash, recorded_at) as content_hash
    from {{ this }}
    group by offer_id

),

{% endif -%}
final as (

    select
        hashed.offer_id,
        {% for column in kept -%}
        hashed.{{ column }},
        {% endfor -%}
        hashed.content_hash,
        '{{ invocation_id }}' as build_id,
        {{ utc_now() }} as recorded_at
    from hashed
    {% if is_incremental() -%}
    left join on_record on hashed.offer_id = on_record.offer_id
    where on_record.content_hash is null or hashed.content_hash <> on_record.content_hash
    {%- endif %}

)

select * from final
