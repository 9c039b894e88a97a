{# The segment of one dimension: the name of the rule with the lowest priority among those that hold. #}
{% macro segment_of(dimension) -%}
    min_by(case when dimension = '{{ dimension }}' then segment end, case when dimension = '{{ dimension }}' then priority end)
{%- endmacro %}
