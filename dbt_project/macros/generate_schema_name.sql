{# A layer's schema bears the layer's name alone, so that analysts write promotions.offers, not main_promotions.offers. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
