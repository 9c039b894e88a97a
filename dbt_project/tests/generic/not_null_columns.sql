{# Fails on every row in which one of the columns is null. Tables say it as a constraint of their contract, which costs no query. #}
{% test not_null_columns(model, columns) %}
select *
from {{ model }}
where {{ columns | join(' is null or ') }} is null
{% endtest %}
