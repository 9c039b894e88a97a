{# Fails on every row for which the condition is not true (null counts as not true). #}
{% test holds(model, condition) %}
select *
from {{ model }}
where not coalesce({{ condition }}, false)
{% endtest %}
