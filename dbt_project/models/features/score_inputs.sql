-- which entry of a score's vector is which feature, so that contributions and values can be told by name
{% set lines = [] %}
{% set protected = protected_attributes() %}
{% for told in explained_scores() %}
    {%- set names = ([told.first] if told.get('first') else []) + told.features %}
    {%- for name in names %}
        {%- set is_protected = 'true' if name in protected else 'false' %}
        {%- do lines.append("('" ~ told.score ~ "', '" ~ name ~ "', " ~ (names | length - loop.index0) ~ ", " ~ is_protected ~ ")") -%}
    {%- endfor %}
{% endfor %}
with final as (

    select
        inputs.score,
        inputs.feature,
        inputs.from_end,
        inputs.is_protected
    from (
        values
        {{ lines | join(',\n        ') }}
    ) as inputs (score, feature, from_end, is_protected)

)

select * from final
