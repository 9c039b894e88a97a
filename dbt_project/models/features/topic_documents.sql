-- each user's words as the topic model reads them: the words and their counts, side by side
with final as (

    select
        as_of_date,
        user_id,
        {{ collect_ordered('word', 'word') }} as words,
        {{ collect_ordered('word_count', 'word') }} as word_counts
    from {{ ref('user_words') }}
    group by as_of_date, user_id

)

select * from final
