-- every version of every model, whether it serves, and what it was trained on
with final as (

    select
        record.model_name,
        record.model_version,
        record.sha256,
        record.status,
        record.kind,
        record.task,
        record.trained_on,
        record.window_first,
        record.window_last,
        record.train_rows,
        record.measure,
        record.value,
        record.parent_version,
        record.trained_at,
        record.card_fault
    from {{ card_records('registered_models') }} as records

)

select * from final
