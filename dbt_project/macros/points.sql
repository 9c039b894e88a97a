{# Points that some spend earns: the one place where money becomes points. #}
{% macro points_for(spend, multiplier='1') -%}
    {{ rounded_half_up('cast(' ~ spend ~ ' as double) * ' ~ policy_value('points_per_money') ~ ' * ' ~ multiplier) }}
{%- endmacro %}

{# What one point is worth in money, so that a purchase at multiplier 1 earns point_value_share of what was paid. #}
{% macro point_value() -%}
    ({{ policy_value('point_value_share') }} / {{ policy_value('points_per_money') }})
{%- endmacro %}
