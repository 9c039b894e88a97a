-- each model that serves: what it predicts, and its figure on the test window beside the best baseline by the same measure
with serving as (
    select *
    from audits.model_registry
    where status in ('champion', 'rule')
),

baselines as (
    select
        metrics.model_name,
        metrics.model_version,
        metrics.measure,
        max(metrics.value) as value,
        arg_max(metrics.compared, metrics.value) as compared
    from audits.model_metrics as metrics
    where
        not metrics.is_model
        and metrics.data_window = 'test'
        and metrics.class_label is null
        and not starts_with(metrics.compared, 'candidate: ')
        and not starts_with(metrics.compared, 'member: ')
        and metrics.compared not in ('rolling origin', 'own words + topics')
    group by metrics.model_name, metrics.model_version, metrics.measure
)

select
    serving.model_name,
    serving.model_version,
    serving.status,
    serving.task,
    serving.trained_at,
    serving.window_first,
    serving.window_last,
    serving.train_rows,
    serving.measure,
    own.value,
    own.interval_lower,
    own.interval_upper,
    baselines.compared as baseline,
    baselines.value as baseline_value
from serving
left join audits.model_metrics as own
    on
        serving.model_name = own.model_name
        and serving.model_version = own.model_version
        and serving.measure = own.measure
        and own.is_model
        and own.data_window = 'test'
        and own.class_label is null
left join baselines
    on
        serving.model_name = baselines.model_name
        and serving.model_version = baselines.model_version
        and serving.measure = baselines.measure
order by serving.model_name
