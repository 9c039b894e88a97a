{# Does a |-separated list of a policy admit a value? An empty list admits everyone; a null value is in no list. #}
{% macro admits(list, value) -%}
    (
        {{ list }} is null
        or coalesce(concat_ws('', '|', {{ list }}, '|') like concat_ws('', '%|', {{ value }}, '|%'), false)
    )
{%- endmacro %}
