-- what each topic is about: its top words, for as long as the model knows the words that this shop's users use
{{ config(materialized='table') }}

with model as (

    select
        serving_model('topics') as model_name,
        model_version(serving_model('topics')) as model_version

),

words as (

    select
        record.topic,
        record.topic_name,
        record.topic_share,
        record.word,
        record.word_rank,
        record.weight,
        record.lift
    from {{ exploded("topic_words('topics')", 'record') }} as records

),

spoken as (

    select distinct word
    from {{ ref('topic_vocabulary') }}

),

final as (

    select
        words.topic,
        words.topic_name,
        words.topic_share,
        words.word,
        words.word_rank,
        words.weight,
        words.lift,
        model.model_name,
        model.model_version,
        {{ utc_now() }} as scored_at
    from words
    inner join spoken on words.word = spoken.word
    cross join model
    -- a model of another shop, with other words, scores nobody and says nothing
    where exists (
        select 1
        from {{ ref('topic_scores') }} as scores
        where scores.topic_shares is not null
    )

)

select * from final
