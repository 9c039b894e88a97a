{# Fails on every row for which the condition is not true (null counts as not true). Tables say it as a `check` of their contract. #}
{% test holds(model, condition) %}
select *
from {{ model }}
where not coalesce({{ condition }}, false)
{% endtest %}
