{#
    A whole score model: one row a row of `inputs` (a features model with as_of_date and user_id), scored by the SQL function
    `function` and kept until its input or its model changes.

    keys       what a row is: the unique key, columns of `inputs`
    arguments  columns handed to the function, in its order
    score      name of the score's column; the function's name unless told
    columns    further columns of `inputs` to carry along; another value is a reason to score the row again, too
    where      a condition on `inputs`

    Users who refused personalisation are never scored; scores of rows that are gone, and of who withdrew, are deleted.
#}
{% macro scored(function, inputs, keys, arguments=['features'], score=none, columns=[], where=none) -%}
{{- config(
    unique_key=keys,
    post_hook=[
        "{{ forget_vanished('" ~ inputs ~ "', ['" ~ keys | join("', '") ~ "']) }}",
        "{{ date_kept_rows('" ~ inputs ~ "') }}",
        "{{ note_touched_users() }}"
    ]
) -}}
{%- set hashes = [] -%}
{%- for argument in arguments -%}{%- do hashes.append(input_hash('inputs.' ~ argument)) -%}{%- endfor -%}
with model as (

    select
        serving_model('{{ function }}') as model_name,
        model_version(serving_model('{{ function }}')) as model_version

),

inputs as (

    select
        inputs.as_of_date,
        {% for column in keys + columns + arguments -%}
        inputs.{{ column }},
        {% endfor -%}
        {{ hashes[0] if hashes | length == 1 else input_hash("concat_ws('|', " ~ hashes | join(', ') ~ ")") }} as input_hash,
        model.model_name,
        model.model_version
    from {{ ref(inputs) }} as inputs
    inner join {{ ref('user_permissions') }} as permissions
        on inputs.as_of_date = permissions.as_of_date and inputs.user_id = permissions.user_id
    cross join model
    where
        permissions.personalisation_consent
        {% if where %}and ({{ where }}){% endif %}
        and {{ is_touched('inputs') }}

),

changed as (

    select inputs.*
    from inputs
    {% if is_incremental() -%}
    where not exists (
        select 1
        from {{ this }} as scored
        where
            scored.input_hash = inputs.input_hash
            and scored.model_version = inputs.model_version
            {% for key in keys -%}
            and scored.{{ key }} = inputs.{{ key }}
            {% endfor -%}
            {% for column in columns -%}
            and scored.{{ column }} is not distinct from inputs.{{ column }}
            {% endfor %}
            and {{ is_touched('scored') }}
    )
    {%- endif %}

),

final as (

    select
        {% for column in keys + columns -%}
        {{ column }},
        {% endfor -%}
        {{ function }}({{ arguments | join(', ') }}) as {{ score or function }},
        as_of_date,
        input_hash,
        model_name,
        model_version,
        {{ utc_now() }} as scored_at
    from changed

)

select * from final
{%- endmacro %}
