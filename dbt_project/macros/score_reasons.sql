{#
    A whole model of a score's reasons: one row a row of promotions.reason_shortlist, explained by `<score>_reasons` (exact) or
    `<score>_reasons_fast`, and kept until the score's input, its model or the exactness asked for changes. `score` is a name of
    explained_scores(). The two functions are called on two selects: a case over both would hand each of them scraps of a batch.
#}
{% macro score_reasons(score) -%}
{%- set told = explained_scores() | selectattr('score', 'equalto', score) | first -%}
{%- set function = told.get('function', score) ~ '_reasons' -%}
{%- set item = "inputs." ~ told.item if told.item else "''" -%}
{{- config(
    unique_key=['user_id', 'item_id'],
    post_hook=["{{ forget_unlisted('" ~ score ~ "') }}", "{{ date_kept_rows('reason_shortlist') }}", "{{ note_touched_users() }}"]
) -}}
with methods as (

    select
        reasons_method('{{ function }}') as exact_method,
        reasons_method('{{ function }}_fast') as fast_method

),

inputs as (

    select
        inputs.as_of_date,
        shortlist.user_id,
        shortlist.item_id,
        shortlist.is_exact,
        {% for argument in told.arguments -%}
        inputs.{{ argument }},
        {% endfor -%}
        scores.{{ score }} as score,
        scores.input_hash,
        scores.model_name,
        scores.model_version,
        case when shortlist.is_exact then methods.exact_method else methods.fast_method end as method
    from {{ ref(told.inputs) }} as inputs
    inner join {{ ref('reason_shortlist') }} as shortlist
        on
            shortlist.score = '{{ score }}'
            and inputs.as_of_date = shortlist.as_of_date
            and inputs.user_id = shortlist.user_id
            and {{ item }} = shortlist.item_id
    inner join {{ ref(told.scores) }} as scores
        on
            inputs.user_id = scores.user_id
            {% if told.item -%}
            and inputs.{{ told.item }} = scores.{{ told.item }}
            {%- endif %}
    cross join methods
    where {{ is_touched('inputs') }}

),

changed as (

    select inputs.*
    from inputs
    {% if is_incremental() -%}
    where not exists (
        select 1
        from {{ this }} as kept
        where
            kept.input_hash = inputs.input_hash
            and kept.model_version = inputs.model_version
            and kept.user_id = inputs.user_id
            and kept.item_id = inputs.item_id
            -- the same reasons whatever was told before: as a build from nothing would tell them
            and kept.is_exact = inputs.is_exact
            and {{ is_touched('kept') }}
    )
    {%- endif %}

),

explained as (

    select
        *,
        {{ function }}({{ told.arguments | join(', ') }}) as contributions
    from changed
    where is_exact

    union all

    select
        *,
        {{ function }}_fast({{ told.arguments | join(', ') }}) as contributions
    from changed
    where not is_exact

),

final as (

    select
        user_id,
        item_id,
        cast(score as float) as score,
        {% if told.arguments | length == 1 -%}
        {{ told.arguments[0] }} as input_values,
        {%- else -%}
        {{ concat_arrays(as_float_vector(told.arguments[0]), told.arguments[1]) }} as input_values,
        {%- endif %}
        contributions,
        is_exact,
        method,
        as_of_date,
        input_hash,
        model_name,
        model_version,
        {{ utc_now() }} as explained_at
    from explained

)

select * from final
order by user_id, item_id
{%- endmacro %}

{# After explaining: drop what is on the shortlist no more, or has no score any more. #}
{% macro forget_unlisted(score) -%}
    {%- set told = explained_scores() | selectattr('score', 'equalto', score) | first -%}
    delete from {{ this }} as kept
    where
        {{ is_touched('kept') }}
        and not exists (
            select 1
            from {{ ref('reason_shortlist') }} as shortlist
            inner join {{ ref(told.scores) }} as scores
                on shortlist.user_id = scores.user_id{% if told.item %} and shortlist.item_id = scores.{{ told.item }}{% endif %}

            where
                shortlist.score = '{{ score }}'
                and {{ is_touched('shortlist') }}
                and shortlist.user_id = kept.user_id
                and shortlist.item_id = kept.item_id
        )
{%- endmacro %}
