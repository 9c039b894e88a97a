-- the products to show each user, best first: interest, weighed with margin, browsing and feedback, and for variety
-- A table in the order of users: ranked once a build, whoever reads it.
{{ config(materialized='table') }}

{% set best_first -%}
    partition by user_id
    order by
        case when new_product_place is null then 0 else 1 end,
        new_product_place nulls last,
        round_of_category,
        varied_relevance desc nulls last,
        buyers_28d desc,
        views_28d desc,
        product_id
{%- endset %}
{% set whole_user = best_first ~ " rows between unbounded preceding and unbounded following" %}
with users as (

    select
        segments.user_id,
        coalesce({{ exact_sum('weights.margin_weight') }}, 0) as margin_weight,
        coalesce({{ exact_sum('weights.related_weight') }}, 0) as related_weight,
        coalesce({{ exact_sum('weights.diversity_weight') }}, 0) as diversity_weight
    from {{ ref('user_segments') }} as segments
    left join {{ ref('recommendation_weights') }} as weights
        on
            (weights.dimension = 'life_cycle' and segments.life_cycle = weights.segment)
            or (weights.dimension = 'value_tier' and segments.value_tier = weights.segment)
            or (weights.dimension = 'intent' and segments.intent = weights.segment)
            or (weights.dimension = 'cluster' and segments.cluster_name = weights.segment)
    group by segments.user_id

),

policy as (

    select
        {{ policy_value('just_bought_days') }} as just_bought_days,
        {{ policy_value('due_share') }} as due_share,
        {{ policy_value('max_recommendations_per_category') }} as per_category,
        {{ policy_value('new_product_every') }} as new_product_every,
        {{ policy_value('max_recommendations_per_user') }} as per_user

),

candidates as (

    select
        considered.*,
        products.product_name,
        products.category,
        products.brand,
        products.margin_share,
        products.buyers_28d,
        products.views_28d,
        -- a habit of the user's own (three purchases or more) says more than other buyers do
        case
            when considered.own_purchase_days >= 3 then considered.own_mean_gap_days
            when products.is_rebought then products.replenishment_days
        end as interval_days,
        users.diversity_weight,
        coalesce(feedback.weight, 1) as feedback_weight,
        considered.interest * (1 + users.related_weight * considered.relatedness)
        * (1 + users.margin_weight * products.margin_share) * coalesce(feedback.weight, 1) as relevance
    from {{ ref('considered_products') }} as considered
    inner join {{ ref('recommendable_products') }} as products on considered.product_id = products.product_id
    inner join users on considered.user_id = users.user_id
    left join {{ ref('user_feedback_weights') }} as feedback
        on
            considered.as_of_date = feedback.as_of_date
            and considered.user_id = feedback.user_id
            and feedback.subject_kind = 'category'
            and products.category = feedback.subject
    left join {{ ref('user_hidden_items') }} as hidden
        on
            considered.as_of_date = hidden.as_of_date
            and considered.user_id = hidden.user_id
            and hidden.item_kind = 'product'
            and considered.product_id = hidden.item_id
    where hidden.item_id is null

),

-- what was bought a moment ago waits until it is due again, or for so many days if people don't buy it again
due as (

    select
        candidates.*,
        policy.per_category,
        policy.new_product_every,
        policy.per_user
    from candidates
    cross join policy
    where
        candidates.own_recency_days is null
        or candidates.own_recency_days >= coalesce(policy.due_share * candidates.interval_days, policy.just_bought_days)

),

in_categories as (

    select
        *,
        row_number() over (
            partition by user_id, category
            order by new_product_place nulls last, relevance desc nulls last, buyers_28d desc, views_28d desc, product_id
        ) as place_in_category
    from due

),

-- a category's further products count less and less, and beyond the policy's number only when every other category is exhausted
varied as (

    select
        *,
        floor((place_in_category - 1) / per_category) as round_of_category,
        relevance / (1 + diversity_weight * (place_in_category - 1)) as varied_relevance
    from in_categories

),

-- Sorting by that is the greedy choice (maximal marginal relevance, categories as likeness): within a category both relevance
-- and its discounted form fall, so taking the best of what is left again and again gives the same order.
placed as (

    select
        *,
        row_number() over ({{ best_first }}) as place,
        sum(case when new_product_place is null then 1 else 0 end) over ({{ whole_user }}) as known_products,
        sum(case when new_product_place is null then 0 else 1 end) over ({{ whole_user }}) as new_products
    from varied

),

-- the n-th new product takes the last of the n-th so many places, or comes after all that is known
ranked as (

    select
        *,
        case
            when new_product_place is null
                then place + least(new_products, floor((place - 1) / (new_product_every - 1)))
            else least((place - known_products) * new_product_every, place)
        end as recommendation_rank
    from placed

),

sourced as (

    select
        *,
        case
            when not is_personal then 'best_seller'
            when interest_source = 'peers' then 'newcomers'
            when interest_source = 'similar_products' then 'new_product'
            when own_purchase_days > 0 then 'buy_again'
            when candidate_source = 'own' then 'browsed'
            when candidate_source = 'neighbour' then 'bought_together'
            when candidate_source = 'category' then 'category'
            else 'popular'
        end as recommendation_source,
        {{ feedback_words('feedback_weight', "concat_ws('', 'offers of ', category)") }} as feedback
    from ranked
    where recommendation_rank <= per_user

),

worded as (

    select
        *,
        case recommendation_source
            when 'best_seller' then 'A best seller of the shop.'
            when 'newcomers'
                then concat_ws(
                    '', 'Popular with newcomers: about ', cast(cast(round(100 * interest) as integer) as string),
                    ' % bought it in the last four weeks.'
                )
            when 'new_product' then 'New, and like products the user is interested in.'
            when 'buy_again'
                then concat_ws(
                    '',
                    'Bought on ', cast(own_purchase_days as string), case own_purchase_days when 1 then ' day' else ' days' end,
                    ', last ', cast(own_recency_days as string), case own_recency_days when 1 then ' day' else ' days' end,
                    ' ago',
                    '; bought again every ' || cast(cast(round(interval_days) as integer) as string) || ' days or so',
                    '.'
                )
            when 'browsed' then 'The user looked at it and has not bought it.'
            when 'bought_together' then 'Often bought together with what the user buys or looks at.'
            when 'category' then 'A favourite of other users in a category the user buys.'
            else 'A best seller of the shop.'
        end as source_reason
    from sourced

),

final as (

    select
        as_of_date,
        user_id,
        cast(recommendation_rank as integer) as recommendation_rank,
        product_id,
        product_name,
        category,
        brand,
        recommendation_source,
        interest,
        margin_share,
        relatedness,
        cast(feedback_weight as double) as feedback_weight,
        cast(relevance as double) as relevance,
        cast(place_in_category as integer) as place_in_category,
        cast(varied_relevance as double) as varied_relevance,
        concat_ws(' ', source_reason, feedback) as reason
    from worded

)

select * from final
order by user_id, recommendation_rank
