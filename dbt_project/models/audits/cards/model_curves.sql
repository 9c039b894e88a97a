-- the points of each version's curves: reliability, cumulative gains, loss and accuracy by epoch
with final as (

    select
        record.model_name,
        record.model_version,
        record.curve,
        record.series,
        record.point,
        record.x,
        record.y,
        record.rows as row_count,
        record.lower as interval_lower,
        record.upper as interval_upper
    from {{ card_records('model_curve_records') }} as records

)

select * from final
