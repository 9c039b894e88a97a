{#
    A relation of records out of the models' cards, one struct `record` a row. `function` is one of the functions of
    udfs/model_records.py: registered_models, model_metric_records, model_curve_records, model_profile_records.
#}
{% macro card_records(function) -%}
    {{ exploded(function ~ "('*')", 'record') }}
{%- endmacro %}
