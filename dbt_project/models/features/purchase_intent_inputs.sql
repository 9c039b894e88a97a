-- what the models of buying within a week read of a user: the tokens of the newest events, and the window features
{% set windows = [] %}
{% for table, names in var('intent_windows').items() %}
{% for name in names %}{% do windows.append(table ~ '.' ~ name) %}{% endfor %}
{% endfor %}
with final as (

    select
        user_event_sequences.as_of_date,
        user_event_sequences.user_id,
        user_event_sequences.tokens,
        {{ float_vector(windows) }} as windows
    from {{ ref('user_event_sequences') }} as user_event_sequences
    inner join {{ ref('user_features') }} as user_features
        on user_event_sequences.as_of_date = user_features.as_of_date and user_event_sequences.user_id = user_features.user_id
    inner join {{ ref('user_rhythm') }} as user_rhythm
        on user_event_sequences.as_of_date = user_rhythm.as_of_date and user_event_sequences.user_id = user_rhythm.user_id

)

select * from final
