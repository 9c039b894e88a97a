{# Codes of all rules a row breaks, from {code: condition}; a condition that is null counts as not broken. #}
{% macro reject_reasons(rules) -%}
    {%- set cases = [] -%}
    {%- for code, condition in rules.items() -%}
        {%- do cases.append("case when " ~ condition ~ " then '" ~ code ~ "' end") -%}
    {%- endfor -%}
    {{ concat_arrays('type_errors', compact_array(cases)) }}
{%- endmacro %}
