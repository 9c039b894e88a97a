-- the products to show each user, best first: interest, weighed with margin as the user's value tier asks
with candidates as (

    select
        considered.as_of_date,
        considered.user_id,
        considered.product_id,
        considered.is_personal,
        considered.interest,
        listed.product_name,
        listed.category,
        listed.brand,
        segments.value_tier,
        weights.margin_weight,
        features.stock_on_hand,
        features.buyers_28d,
        sources.candidate_source,
        coalesce(
            1 - listed.unit_cost / nullif(coalesce(listed.list_price, features.list_price), 0),
            {{ policy_value('default_margin_share') }}
        ) as margin_share
    from {{ ref('considered_products') }} as considered
    inner join {{ ref('stg_products') }} as listed on considered.product_id = listed.product_id
    inner join {{ ref('product_features') }} as features
        on considered.as_of_date = features.as_of_date and considered.product_id = features.product_id
    inner join {{ ref('user_segments') }} as segments
        on considered.as_of_date = segments.as_of_date and considered.user_id = segments.user_id
    inner join {{ ref('recommendation_weights') }} as weights on segments.value_tier = weights.value_tier
    left join {{ ref('candidate_products') }} as sources
        on
            considered.as_of_date = sources.as_of_date
            and considered.user_id = sources.user_id
            and considered.product_id = sources.product_id
            and considered.is_personal
    where coalesce(features.stock_on_hand, 1) > 0

),

weighed as (

    select
        *,
        interest * (1 + margin_weight * margin_share) as relevance
    from candidates

),

ranked as (

    select
        *,
        row_number() over (
            partition by user_id
            order by relevance desc nulls last, buyers_28d desc, product_id
        ) as recommendation_rank
    from weighed

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
        interest,
        cast(margin_share as double) as margin_share,
        cast(relevance as double) as relevance,
        case
            when not is_personal then 'A best seller of the shop.'
            when candidate_source = 'own' then 'The user has bought or looked at it before.'
            when candidate_source = 'neighbour' then 'Often bought together with what the user buys.'
            when candidate_source = 'category' then 'A favourite of other users in a category the user buys.'
            else 'A best seller of the shop.'
        end as reason
    from ranked
    where recommendation_rank <= {{ policy_value('max_recommendations_per_user') }}

)

select * from final
