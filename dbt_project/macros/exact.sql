{#
    Sums and means of fractions that come out the same whatever the order of the rows: floating-point sums differ in their last
    digits from run to run, and then scores would be taken again and ties fall otherwise. Twelve decimals are kept.
#}
{% macro exact_sum(expression, over='') -%}
    cast(sum({{ exact(expression) }}) {{ over }} as double)
{%- endmacro %}

{# What is summed: sums of it can be summed again, and are told as a double in the end. #}
{% macro exact(expression) -%}
    cast({{ expression }} as decimal(38, 12))
{%- endmacro %}

{# The sample standard deviation by the same rule; null for fewer than two rows. #}
{% macro exact_stddev(expression) -%}
    sqrt(greatest(
        {{ exact_sum('(' ~ expression ~ ') * (' ~ expression ~ ')') }}
        - {{ exact_sum(expression) }} * {{ exact_avg(expression) }}, 0
    ) / nullif(count({{ expression }}) - 1, 0))
{%- endmacro %}

{% macro exact_avg(expression, over='') -%}
    ({{ exact_sum(expression, over) }} / nullif(count({{ expression }}) {{ over }}, 0))
{%- endmacro %}

{# Money or points that were doubles on the way, half-up: in binary, what is half a cent may lie a hair below it. #}
{% macro rounded_half_up(amount) -%}
    cast(cast({{ amount }} as decimal(38, 6)) as decimal(18, 2))
{%- endmacro %}
