{# Fingerprint of a vector: equal inputs of a score have equal fingerprints. #}
{% macro input_hash(vector) %}{{ adapter.dispatch('input_hash')(vector) }}{% endmacro %}
{% macro default__input_hash(vector) %}md5(cast({{ vector }} as string)){% endmacro %}
