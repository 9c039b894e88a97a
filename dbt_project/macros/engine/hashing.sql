{# A whole number from 0 to buckets - 1 out of the md5 of a text: every engine and every language agrees on it. #}
{% macro hash_bucket(text, buckets) %}{{ adapter.dispatch('hash_bucket')(text, buckets) }}{% endmacro %}
{% macro default__hash_bucket(text, buckets) -%}
    cast(cast(conv(substr(md5({{ text }}), 1, 8), 16, 10) as bigint) % {{ buckets }} as int)
{%- endmacro %}
{% macro duckdb__hash_bucket(text, buckets) -%}
    cast(cast('0x' || substr(md5({{ text }}), 1, 8) as bigint) % {{ buckets }} as integer)
{%- endmacro %}

{# A number below `buckets` out of `columns`, for samples: an md5 of each of many rows costs more than what is asked of the sample. #}
{% macro sample_bucket(columns, buckets) %}{{ adapter.dispatch('sample_bucket')(columns, buckets) }}{% endmacro %}
{% macro default__sample_bucket(columns, buckets) -%}
    cast(pmod(xxhash64({{ columns | join(', ') }}), {{ buckets }}) as bigint)
{%- endmacro %}
{% macro duckdb__sample_bucket(columns, buckets) -%}
    cast(hash({{ columns | join(', ') }}) % {{ buckets }} as bigint)
{%- endmacro %}

{# A number out of all columns of a row of `relation`: orders rows that are alike in all that matters. #}
{% macro row_hash(relation) %}{{ adapter.dispatch('row_hash')(relation) }}{% endmacro %}
{% macro default__row_hash(relation) -%}
    xxhash64(struct({{ relation }}.*))
{%- endmacro %}
{% macro duckdb__row_hash(relation) -%}
    hash({{ relation }})
{%- endmacro %}
