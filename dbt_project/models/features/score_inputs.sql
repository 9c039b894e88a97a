-- which entry of a score's vector is which feature, so that contributions and values can be told by name
{% set lines = [] %}
{% for told in explained_scores() %}
    {%- set names = ([told.first] if told.first else []) + told.features %}
    {%- for name in names %}
        {%- do lines.append("('" ~ told.score ~ "', '" ~ name ~ "', " ~ (names | length - loop.index0) ~ ")") -%}
    {%- endfor %}
{% endfor %}
with final as (

    select
        inputs.score,
        inputs.feature,
        inputs.from_end
    from (
        values
        {{ lines | join(',\n        ') }}
    ) as inputs (score, feature, from_end)

)

select * from final
