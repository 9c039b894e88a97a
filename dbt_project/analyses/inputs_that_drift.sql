-- Which inputs of a model no longer look as in its training, and by how much? Scores whose inputs drift deserve a new training.
with final as (

    select
        model_name,
        input,
        round(psi, 3) as psi,
        threshold,
        rows_now,
        round(missing_then, 4) as missing_then,
        round(missing_now, 4) as missing_now,
        count(*) over (partition by model_name) as drifting_inputs_of_model
    from {{ ref('score_drift') }}
    where is_drifting

)

select * from final
order by drifting_inputs_of_model desc, model_name, psi desc, input
