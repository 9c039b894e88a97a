{#
    How much a user likes what was bought with that affinity, in thousandths: the logarithm, so that the twentieth purchase says less
    than the second. Whole numbers, whose sums come out the same whatever the order of the rows.
#}
{% macro liking(affinity) -%}
    cast(round(1000 * ln(1.0 + {{ affinity }})) as bigint)
{%- endmacro %}
