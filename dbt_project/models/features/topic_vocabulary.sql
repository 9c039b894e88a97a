-- the words that topics may be made of: neither in nearly every user's history nor in a handful of them
with words as (

    select
        as_of_date,
        word,
        count(*) as users,
        sum(days) as word_days
    from {{ ref('user_words') }}
    group by as_of_date, word

),

users as (

    select
        as_of_date,
        count(distinct user_id) as users
    from {{ ref('user_words') }}
    group by as_of_date

),

judged as (

    select
        words.as_of_date,
        words.word,
        words.users,
        words.word_days,
        words.users / cast(users.users as double) as user_share,
        case
            when words.users > {{ policy_value('topic_stop_word_percent') }} / 100 * users.users then 'everyone'
            when words.users < {{ policy_value('topic_min_word_users') }} then 'hardly anyone'
        end as left_out
    from words
    inner join users on words.as_of_date = users.as_of_date

),

numbered as (

    select
        *,
        row_number() over (
            partition by as_of_date, left_out is null
            order by users desc, word
        ) as place
    from judged

),

final as (

    select
        as_of_date,
        word,
        cast(case
            when left_out is null and place <= {{ policy_value('topic_vocabulary_words') }} then place
        end as integer) as word_number,
        cast(users as integer) as users,
        user_share,
        cast(word_days as bigint) as word_days,
        case
            when left_out is null and place > {{ policy_value('topic_vocabulary_words') }} then 'beyond the bound'
            else left_out
        end as left_out
    from numbered

)

select * from final
