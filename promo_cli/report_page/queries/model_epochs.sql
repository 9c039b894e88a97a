-- loss while learning, on training and validation rows; at most forty points of each line
with lines as (
    select
        curves.model_name,
        curves.series,
        curves.x,
        curves.y,
        curves.point,
        max(curves.point) over (partition by curves.model_name, curves.series) as points
    from audits.model_curves as curves
    inner join audits.model_registry as registry
        on curves.model_name = registry.model_name and curves.model_version = registry.model_version
    where
        registry.status in ('champion', 'rule')
        and curves.curve = 'epochs'
        and curves.series in ('train_loss', 'validation_loss')
        and curves.y is not null
)

select
    model_name,
    series,
    x,
    y
from lines
where point = points or (point - 1) % ceil(points / 40) = 0
order by model_name, series, point
