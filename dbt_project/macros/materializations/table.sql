{#
    A model in Python is written beside its table first: what it makes can't be part of one statement. dbt lets no macro but the
    materialization itself call it.
#}
{% materialization table, adapter='duckdb', supported_languages=['sql', 'python'] %}
    {%- if model['language'] == 'sql' -%}{{ return(replaced('table')) }}{%- endif -%}
    {%- set made = make_intermediate_relation(this.incorporate(type='table')) -%}
    {{ drop_relation_if_exists(made) }}
    {% call statement('main', language='python') -%}
        {{ create_table_as(False, made, compiled_code, 'python') }}
    {%- endcall %}
    {{ return(replaced('table', 'select * from ' ~ made, made)) }}
{% endmaterialization %}
