-- where each segment begins, in what a user can change: spending, days without a purchase, the chance of buying
{{ config(materialized='table') }}

with rules as (

    select
        rules.*,
        max(rules.recency_max) over (
            partition by rules.dimension order by rules.priority rows between unbounded preceding and 1 preceding
        ) as recency_max_before
    from {{ ref('segment_rules') }} as rules

),

spending as (

    select
        rules.segment,
        min(users.recency_weighted_spend) as lowest
    from rules
    inner join {{ ref('user_segments') }} as users on rules.value_percentile_min <= users.value_percentile
    where rules.dimension = 'value_tier'
    group by rules.segment

),

final as (

    select
        rules.dimension,
        rules.segment,
        cast(case
            when rules.dimension = 'value_tier' then case when rules.value_percentile_min is null then 0 else spending.lowest end
            when rules.dimension = 'intent' then rules.intent_min
            -- a first purchase can't be made twice, and a prospect never again
            when rules.first_purchase_max is not null or coalesce(rules.recency_min, rules.recency_max) is null then null
            else coalesce(rules.recency_min, rules.recency_max_before + 1, 0)
        end as double) as lowest
    from rules
    left join spending on rules.dimension = 'value_tier' and rules.segment = spending.segment

)

select * from final
