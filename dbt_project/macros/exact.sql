{#
    Sums and means of fractions that come out the same whatever the order of the rows: floating-point sums differ in their last
    digits from run to run, and then scores would be taken again and ties fall otherwise. Twelve decimals are kept.
#}
{% macro exact_sum(expression, over='') -%}
    cast(sum(cast({{ expression }} as decimal(38, 12))) {{ over }} as double)
{%- endmacro %}

{% macro exact_avg(expression, over='') -%}
    (cast(sum(cast({{ expression }} as decimal(38, 12))) {{ over }} as double) / nullif(count({{ expression }}) {{ over }}, 0))
{%- endmacro %}
