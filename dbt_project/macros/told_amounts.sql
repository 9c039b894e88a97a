{# Amounts as text in a sentence, the same in every language. `value` is a double, may be null. #}

{# A whole number where it is one, else one decimal. #}
{% macro told_number(value) -%}
    case
        when abs({{ value }}) >= 1e15 then 'very many'
        when abs({{ value }} - round({{ value }})) < 0.05 then cast(cast(round({{ value }}) as bigint) as string)
        else cast(cast({{ value }} as decimal(18, 1)) as string)
    end
{%- endmacro %}

{# An amount of money with the shop's currency, where `promo load` was told it. #}
{% macro told_money(value) -%}
    case
        when abs({{ value }}) >= 1e15 then 'very much'
        when {{ value }} is not null then concat_ws(' ', cast(cast({{ value }} as decimal(18, 2)) as string), {{ shop_currency() }})
    end
{%- endmacro %}

{# The shop's currency as an SQL text: the var, else what `promo load` recorded, null where it is not known. #}
{% macro shop_currency() -%}
    {%- set told = var('shop_currency', none) -%}
    {%- if told is not none and not modules.re.match('^[A-Z]{3}\\Z', told | string) -%}
        {{ exceptions.raise_compiler_error("shop_currency is '" ~ told ~ "': give an ISO 4217 code such as EUR") }}
    {%- endif -%}
    {%- set currency = told or shop_setting('currency') or '' -%}
    {{- "'" ~ currency ~ "'" if modules.re.match('^[A-Z]{3}\\Z', currency) else 'cast(null as string)' -}}
{%- endmacro %}
