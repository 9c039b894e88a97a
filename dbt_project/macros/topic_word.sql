{# The word that stands for a product in topics: its subcategory, else its category, else its brand; null where it has none. #}
{% macro topic_word() -%}
    coalesce(nullif(trim(subcategory), ''), nullif(nullif(trim(category), ''), 'unknown'), nullif(trim(brand), ''))
{%- endmacro %}
