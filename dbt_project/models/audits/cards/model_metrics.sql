-- what each version and each naive baseline reached on the validation and the test window, as its card says
with final as (

    select
        record.model_name,
        record.model_version,
        record.compared,
        record.compared = record.model_name as is_model,
        record.data_window,
        record.measure,
        record.class_label,
        record.value,
        record.lower as interval_lower,
        record.upper as interval_upper
    from {{ card_records('model_metric_records') }} as records

)

select * from final
