{#
    CTEs up to `reasons`: what each entry of its input adds to a score, the strongest first. Of all scores whose reasons are kept, or
    of those of a CTE `only` (score_name, user_id, item_id): to name what is asked for takes less than to choose among all that is named.
#}
{% macro told_reasons(only=none) -%}
explained as (

    {% for told in explained_scores() -%}
    select
        '{{ told.score }}' as score_name,
        user_id,
        item_id,
        as_of_date,
        score,
        {% if told.link -%}
        'log_odds' as scale,
        {%- else -%}
        case when model_name = 'promo_effect' then 'difference' else 'log_odds' end as scale,
        {%- endif %}
        input_values,
        contributions,
        is_exact,
        method,
        model_name,
        model_version
    from {{ ref(told.score ~ '_reasons') }} as kept
    {% if only -%}
    where exists (
        select 1
        from {{ only }}
        where
            {{ only }}.score_name = '{{ told.score }}'
            and {{ only }}.user_id = kept.user_id
            and {{ only }}.item_id = kept.item_id
    )
    {% endif -%}
    {{ "union all" if not loop.last }}
    {% endfor %}

),

-- the base value stands last; ranked as a vector, not as rows, of which there are as many times more as it has entries
ranked as (

    select
        *,
        {{ element_of('contributions', array_size('contributions')) }} as base_value,
        {{ ranks_by_size(without_last('contributions')) }} as ranks
    from explained

),

-- a rule that reads the second vector alone has contributions of that one alone: count from the end
named as (

    select
        ranked.*,
        inputs.feature,
        {{ element_of('ranked.ranks', array_size('ranked.contributions') ~ ' - inputs.from_end') }} as reason_rank,
        {{ element_of('ranked.contributions', array_size('ranked.contributions') ~ ' - inputs.from_end') }} as contribution,
        case
            when inputs.from_end <= {{ array_size('ranked.input_values') }}
                then {{ element_of('ranked.input_values', array_size('ranked.input_values') ~ ' - inputs.from_end + 1') }}
        end as input_value
    from ranked
    inner join {{ ref('score_inputs') }} as inputs on ranked.score_name = inputs.score
    where inputs.from_end < {{ array_size('ranked.contributions') }}

),

-- an event is told by what it was and when
worded as (

    select
        named.*,
        case
            when substr(named.feature, 1, 6) <> 'token_' then named.feature
            else concat_ws('', 'event_', coalesce(words.event_type, 'unknown'))
        end as told_feature,
        case
            when substr(named.feature, 1, 6) <> 'token_' then cast(named.input_value as double)
            else cast(words.days as double)
        end as feature_value
    from named
    left join {{ ref('event_words') }} as words
        on substr(named.feature, 1, 6) = 'token_' and cast(named.input_value as integer) = words.token

),

reasons as (

    select
        as_of_date,
        score_name,
        user_id,
        item_id,
        cast(reason_rank as integer) as reason_rank,
        told_feature as feature,
        feature_value,
        contribution,
        case when contribution > 0 then 'up' else 'down' end as direction,
        score,
        base_value,
        scale,
        is_exact,
        method,
        model_name,
        model_version
    from worded
    where contribution <> 0

)
{%- endmacro %}
