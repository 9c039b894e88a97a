{#
    The number of standard errors on each side of a two-sided interval of that confidence: Abramowitz and Stegun, Handbook of
    Mathematical Functions (1964), 26.2.23, off by less than .00045.
#}
{% macro normal_quantile(confidence) -%}
    {%- set t = 'sqrt(-2 * ln((1 - ' ~ confidence ~ ') / 2))' -%}
    ({{ t }} - (2.515517 + 0.802853 * {{ t }} + 0.010328 * {{ t }} * {{ t }})
    / (1 + 1.432788 * {{ t }} + 0.189269 * {{ t }} * {{ t }} + 0.001308 * {{ t }} * {{ t }} * {{ t }}))
{%- endmacro %}
