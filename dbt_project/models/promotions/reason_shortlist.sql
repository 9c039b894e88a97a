-- the scores whose reasons are told: those behind open offers, of first recommendations, and each user's own; exact for the first
{{ config(materialized='table') }}

with dates as (

    {{ scoring_day() }}

),

users as (

    select
        user_id,
        max(expected_margin) as expected_margin
    from {{ ref('open_offers') }}
    group by user_id

),

proposed as (

    {% for score in ['interest', 'promo_effect'] -%}
    select
        '{{ score }}' as score,
        user_id,
        product_id as item_id,
        1 as is_offered,
        expected_margin
    from {{ ref('open_offers') }}
    where product_id is not null

    union all

    {% endfor -%}
    select
        'coupon_redemption' as score,
        user_id,
        promotion_id as item_id,
        1 as is_offered,
        expected_margin
    from {{ ref('open_offers') }}

    union all

    select
        'category_interest' as score,
        offers.user_id,
        categories.category as item_id,
        1 as is_offered,
        offers.expected_margin
    from {{ ref('open_offers') }} as offers
    inner join {{ ref('category_promotion_interest') }} as categories
        on offers.user_id = categories.user_id and offers.promotion_id = categories.promotion_id
    where categories.category is not null

    union all

    select
        'interest' as score,
        user_id,
        product_id as item_id,
        0 as is_offered,
        cast(null as double) as expected_margin
    from {{ ref('recommendations') }}
    where recommendation_rank <= {{ policy_value('reasons_recommendations') }}

    {% for score in ['purchase_intent', 'churn_risk'] %}
    union all

    select
        '{{ score }}' as score,
        segments.user_id,
        '' as item_id,
        case when users.user_id is null then 0 else 1 end as is_offered,
        users.expected_margin
    from {{ ref('user_segments') }} as segments
    left join users on segments.user_id = users.user_id
    {% endfor %}

),

shortlist as (

    select
        score,
        user_id,
        item_id,
        max(is_offered) as is_offered,
        max(expected_margin) as expected_margin
    from proposed
    group by score, user_id, item_id

),

-- only what is scored can be told
scored as (

    {% for told in explained_scores() -%}
    select
        '{{ told.score }}' as score,
        user_id,
        {{ told.item or "''" }} as item_id
    from {{ ref(told.scores) }}
    {{ "union all" if not loop.last }}
    {% endfor %}

),

ranked as (

    select
        shortlist.score,
        shortlist.user_id,
        shortlist.item_id,
        shortlist.is_offered = 1 as is_offered,
        row_number() over (
            partition by shortlist.score
            order by shortlist.is_offered desc, shortlist.expected_margin desc nulls last, shortlist.user_id, shortlist.item_id
        ) as place
    from shortlist
    inner join scored
        on
            shortlist.score = scored.score
            and shortlist.user_id = scored.user_id
            and shortlist.item_id = scored.item_id

),

final as (

    select
        dates.as_of_date,
        ranked.score,
        ranked.user_id,
        ranked.item_id,
        ranked.is_offered,
        ranked.place <= {{ policy_value('reasons_exact_rows') }} as is_exact
    from ranked
    cross join dates

)

select * from final
order by user_id, score, item_id
