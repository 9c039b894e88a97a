-- the measures on the test window of each model that serves, and of what it was compared with
select
    metrics.model_name,
    metrics.compared,
    metrics.is_model,
    metrics.measure,
    metrics.value,
    metrics.interval_lower,
    metrics.interval_upper
from audits.model_metrics as metrics
inner join audits.model_registry as registry
    on metrics.model_name = registry.model_name and metrics.model_version = registry.model_version
where
    registry.status in ('champion', 'rule')
    and metrics.data_window = 'test'
    and metrics.class_label is null
    and metrics.value is not null
    and metrics.measure in (
        'auc', 'average_precision', 'log_loss', 'brier', 'ece', 'lift@10%', 'recall@10', 'ndcg@10', 'ari', 'autoc',
        'log_likelihood_new_words'
    )
order by metrics.model_name, metrics.is_model desc, metrics.compared, metrics.measure
