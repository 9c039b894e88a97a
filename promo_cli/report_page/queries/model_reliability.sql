-- reliability on the test window: the mean score of a group of rows and how often it came true, with a 95 % interval
select
    curves.model_name,
    curves.x,
    curves.y,
    curves.interval_lower,
    curves.interval_upper,
    curves.row_count
from audits.model_curves as curves
inner join audits.model_registry as registry
    on curves.model_name = registry.model_name and curves.model_version = registry.model_version
where
    registry.status in ('champion', 'rule')
    and curves.curve = 'reliability'
    and curves.series = 'test'
    and curves.y is not null
order by curves.model_name, curves.point
