-- the sentence of each feature of an explained score, by direction and language: the phrase that fits it most closely
{{ config(materialized='table') }}

with features as (

    select
        inputs.score,
        inputs.feature
    from {{ ref('score_inputs') }} as inputs
    where
        substr(inputs.feature, 1, 6) <> 'token_'
        and not inputs.is_protected

    union all

    select distinct
        inputs.score,
        concat_ws('', 'event_', words.event_type) as feature
    from {{ ref('score_inputs') }} as inputs
    cross join {{ ref('event_words') }} as words
    where inputs.feature = 'token_1'

    union all

    select
        inputs.score,
        'event_unknown' as feature
    from {{ ref('score_inputs') }} as inputs
    where inputs.feature = 'token_1'

),

phrases as (

    {% for language in var('reason_languages') -%}
    select
        '{{ language }}' as language,
        feature,
        score,
        direction,
        coalesce({{ language }}, {{ var('reason_languages')[0] }}) as sentence
    from {{ ref('reason_phrases') }}
    {{ "union all" if not loop.last }}
    {% endfor %}

),

final as (

    select
        features.score,
        features.feature,
        phrases.direction,
        phrases.language,
        phrases.sentence
    from features
    inner join phrases
        on
            features.feature like phrases.feature
            and phrases.score in (features.score, '*')
    qualify
        row_number() over (
            partition by features.score, features.feature, phrases.direction, phrases.language
            order by
                case when features.feature = phrases.feature then 0 else 1 end,
                case when features.score = phrases.score then 0 else 1 end,
                length(phrases.feature) desc,
                phrases.feature
        ) between 1 and 1

)

select * from final
