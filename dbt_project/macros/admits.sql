{# Does a |-separated list of a policy admit a value? An empty list admits everyone. #}
{% macro admits(list, value) -%}
    ({{ list }} is null or coalesce(concat('|', {{ list }}, '|') like concat('%|', {{ value }}, '|%'), false))
{%- endmacro %}
