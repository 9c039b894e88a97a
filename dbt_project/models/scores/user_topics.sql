-- the topics that make up what a user buys and looks at, the largest first
{{ config(materialized='table') }}

with topics as (

    select
        topic,
        max(topic_name) as topic_name
    from {{ ref('topics') }}
    group by topic

),

shares as (

    select
        scores.user_id,
        topics.topic,
        topics.topic_name,
        {{ element_of('scores.topic_shares', 'topics.topic') }} as topic_share,
        scores.as_of_date,
        scores.model_name,
        scores.model_version,
        scores.scored_at
    from {{ ref('topic_scores') }} as scores
    cross join topics

),

ranked as (

    select
        *,
        row_number() over (partition by user_id order by topic_share desc, topic) as topic_rank
    from shares
    where topic_share is not null

),

final as (

    select
        user_id,
        topic,
        topic_name,
        cast(topic_rank as integer) as topic_rank,
        topic_rank = 1 as is_main_topic,
        cast(topic_share as float) as topic_share,
        as_of_date,
        model_name,
        model_version,
        scored_at
    from ranked
    where topic_rank = 1 or topic_share >= {{ policy_value('topic_min_share') }}

)

select * from final
