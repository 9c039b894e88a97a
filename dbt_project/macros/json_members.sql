{# A JSON object of members that are JSON themselves: `members` maps a name to an SQL text; null ones are left out. #}
{% macro json_members(members) -%}
    concat_ws('', '{', concat_ws(
        ', '
        {%- for name, json in members.items() %},
        '"{{ name }}": ' || {{ json }}
        {%- endfor %}
    ), '}')
{%- endmacro %}
