{# The shop's time zone: the var, else what `promo load` recorded in shop.settings, else UTC. #}
{% macro shop_timezone() -%}
    {%- set configured = var('shop_timezone', none) or shop_setting('shop_timezone') or 'UTC' -%}
    {%- if not modules.re.match('^[A-Za-z0-9_+/-]+\\Z', configured) -%}
        {{ exceptions.raise_compiler_error("shop_timezone is '" ~ configured ~ "': give an IANA name such as Europe/Berlin") }}
    {%- endif -%}
    {{ configured }}
{%- endmacro %}

{# One value of shop.settings, or none. #}
{% macro shop_setting(key) -%}
    {%- if not execute -%} {{ return(none) }} {%- endif -%}
    {%- set settings = relation_of_shop('settings') -%}
    {%- if settings is none -%} {{ return(none) }} {%- endif -%}
    {%- set found = run_query("select value from " ~ settings ~ " where key = '" ~ key ~ "'") -%}
    {{ return(found.columns[0].values()[0] if found.rows | length else none) }}
{%- endmacro %}
