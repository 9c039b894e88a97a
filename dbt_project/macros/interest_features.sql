{# Names of the interest model's features in their order, from the vars interest_pairs and interest_features. #}
{% macro interest_features() %}
    {%- set names = [] -%}
    {%- for pair in var('interest_pairs') -%}{%- do names.append(pair[0]) -%}{%- endfor -%}
    {%- for pair in var('interest_pairs') -%}{%- do names.append(pair[1]) -%}{%- endfor -%}
    {{ return(names + var('interest_features')) }}
{% endmacro %}
