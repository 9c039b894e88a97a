{# One number of the seed policy_values, as a scalar subquery. #}
{% macro policy_value(name) -%}
    (select policy.value from {{ ref('policy_values') }} as policy where policy.name = '{{ name }}')
{%- endmacro %}
