-- entries of a serving model's vector that are other features than it learned from, or stand in another order: train it again
with learned as (

    select distinct
        model_name,
        position,
        input
    from {{ ref('model_profiles') }}
    where position is not null

),

entries as (

    select
        listed.model_name,
        listed.position,
        listed.feature
    from (
        values
        {% for model, features in model_vectors().items() -%}
        {%- set outer = loop -%}
        {%- for feature in features -%}
        ('{{ model }}', {{ loop.index }}, '{{ feature }}'){{ ',' if not (loop.last and outer.last) }}
        {% endfor -%}
        {%- endfor %}
    ) as listed (model_name, position, feature)
    -- a rule serves, or a model without a profile: nothing tells what it learned from
    where listed.model_name in (select learned.model_name from learned)

),

final as (

    select
        coalesce(entries.model_name, learned.model_name) as model_name,
        coalesce(entries.position, learned.position) as position,
        learned.input as learned_feature,
        entries.feature as read_feature
    from entries
    full outer join learned on entries.model_name = learned.model_name and entries.position = learned.position
    where entries.feature is null or learned.input is null or entries.feature <> learned.input

)

select * from final
