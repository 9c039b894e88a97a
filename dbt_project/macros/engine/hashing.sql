{# A whole number from 0 to buckets - 1 out of the md5 of a text: every engine and every language agrees on it. #}
{% macro hash_bucket(text, buckets) %}{{ adapter.dispatch('hash_bucket')(text, buckets) }}{% endmacro %}
{% macro default__hash_bucket(text, buckets) -%}
    cast(cast(conv(substr(md5({{ text }}), 1, 8), 16, 10) as bigint) % {{ buckets }} as int)
{%- endmacro %}
{% macro duckdb__hash_bucket(text, buckets) -%}
    cast(cast('0x' || substr(md5({{ text }}), 1, 8) as bigint) % {{ buckets }} as integer)
{%- endmacro %}
