-- which entry of a score's vector is which feature, so that contributions and values can be told by name
with final as (

    select
        inputs.score,
        inputs.feature,
        inputs.from_end,
        inputs.is_protected
    from (
        values
        {{ score_input_rows() | join(',\n        ') }}
    ) as inputs (score, feature, from_end, is_protected)

)

select * from final
