{#
    What users said of offers, as numbers. A verdict counts half after each half-life, and their sum n makes a weight of
    feedback_factor to the power of n, kept within feedback_max_weight up and down: 1 says nothing, the factor is a fresh like,
    its inverse a fresh dislike.
#}
{% macro feedback_decay(days) -%}
    power(cast(0.5 as double), {{ days }} / cast({{ policy_value('feedback_half_life_days') }} as double))
{%- endmacro %}

{% macro feedback_weight(net_verdicts) -%}
    least(
        {{ policy_value('feedback_max_weight') }},
        greatest(
            1 / cast({{ policy_value('feedback_max_weight') }} as double),
            power(cast({{ policy_value('feedback_factor') }} as double), {{ net_verdicts }})
        )
    )
{%- endmacro %}

{# What a verdict says of the liking: 1 for, -1 against; who hides an offer says nothing but that. #}
{% macro verdict_sign(verdict) -%}
    case {{ verdict }}
        when 'like' then 1
        when 'used' then {{ policy_value('feedback_used_weight') }}
        when 'dislike' then -1
        else 0
    end
{%- endmacro %}

{# A sentence for people on a weight; null where it changes less than a hundredth. `subject` is an SQL text. #}
{% macro feedback_words(weight, subject) -%}
    case
        when {{ weight }} >= 1.005
            then concat_ws(
                '', 'The user likes ', {{ subject }}, ', which count for ',
                cast(cast(round(100 * ({{ weight }} - 1)) as integer) as string), ' % more.'
            )
        when {{ weight }} <= 0.995
            then concat_ws(
                '', 'The user dislikes ', {{ subject }}, ', which count for ',
                cast(cast(round(100 * (1 - {{ weight }})) as integer) as string), ' % less.'
            )
    end
{%- endmacro %}
