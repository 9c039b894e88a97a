-- Does a score mean what it says? Mean score beside the observed rate, by tenth of the test window, for every serving model.
-- A tenth is off when the score lies outside the 95 % interval of the rate.
with points as (

    select
        curves.model_name,
        curves.model_version,
        curves.point as decile,
        curves.x as mean_score,
        curves.y as observed_rate,
        curves.row_count,
        curves.interval_lower,
        curves.interval_upper
    from {{ ref('model_curves') }} as curves
    inner join {{ ref('model_registry') }} as registry
        on curves.model_name = registry.model_name and curves.model_version = registry.model_version
    where curves.curve = 'reliability' and curves.series = 'test' and registry.status = 'champion'

),

final as (

    select
        model_name,
        decile,
        row_count,
        mean_score,
        observed_rate,
        round(mean_score - observed_rate, 6) as off_by,
        mean_score not between interval_lower and interval_upper as is_off
    from points

)

select * from final
order by model_name, decile
