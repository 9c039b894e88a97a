-- gains on the test window: of all positives, the share found among the highest scores, beside the baselines
select
    curves.model_name,
    curves.series,
    curves.x,
    curves.y
from audits.model_curves as curves
inner join audits.model_registry as registry
    on curves.model_name = registry.model_name and curves.model_version = registry.model_version
where
    registry.status in ('champion', 'rule')
    and curves.curve = 'gains'
    and curves.series <> 'validation'
    and curves.y is not null
order by curves.model_name, curves.series <> 'test', curves.series, curves.point
