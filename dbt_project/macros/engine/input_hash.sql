{#
    Fingerprint of a vector, or of a text: equal inputs of a score have equal fingerprints. DuckDB hashes numbers as they are, for
    to write them out as text takes longer than to score them. Fingerprints of the two engines differ, and so may those of another
    version of DuckDB: then everything is scored again, once.
#}
{% macro input_hash(vector) %}{{ adapter.dispatch('input_hash')(vector) }}{% endmacro %}
{% macro default__input_hash(vector) %}md5(cast({{ vector }} as string)){% endmacro %}
{% macro duckdb__input_hash(vector) %}md5(cast(hash({{ vector }}) as string)){% endmacro %}
