-- how the inputs and the score of each serving model were spread in training, bin by bin
with final as (

    select
        record.model_name,
        record.model_version,
        record.input,
        record.position,
        record.bin,
        record.lower_edge,
        record.upper_edge,
        record.expected as expected_share,
        record.rows_then
    from {{ card_records('model_profile_records') }} as records

)

select * from final
