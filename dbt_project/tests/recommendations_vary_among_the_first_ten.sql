-- users shown more of one category among the first ten than the policy allows, though others follow that could stand there
{{ config(meta={'by_user': true}) }}
with shown as (

    select
        user_id,
        category,
        recommendation_rank,
        sum(case when recommendation_rank <= 10 then 1 else 0 end) over (partition by user_id, category) as in_first_ten
    from {{ ref('recommendations') }}

),

final as (

    select
        user_id,
        max(in_first_ten) as of_one_category
    from shown
    group by user_id
    having
        max(in_first_ten) > {{ policy_value('max_recommendations_per_category') }}
        and sum(
            case
                when recommendation_rank > 10 and in_first_ten < {{ policy_value('max_recommendations_per_category') }} then 1
                else 0
            end
        ) > 0

)

select * from final
