{# A day out of a var, as SQL; anything else stops the build, for it would be SQL too. #}
{% macro day_literal(variable, day) -%}
    {%- if not modules.re.match('^[0-9]{4}-[0-9]{2}-[0-9]{2}\\Z', day | string) -%}
        {{ exceptions.raise_compiler_error('the var ' ~ variable ~ ' is ' ~ day ~ ': write a day, e.g. 2017-12-31') }}
    {%- endif -%}
    cast('{{ day }}' as date)
{%- endmacro %}
