{#
    `query` of the model that is being built, over a share of the users where a training set asks for no more (the var learned_share)
    and the model is one of learned_models. Each is made user by user, so what it says of these users is what it says beside all others.
#}
{% macro of_learned_users(query) -%}
    {%- if var('learned_share') >= 1 or model.name not in var('learned_models') -%}{{ return(query) }}{%- endif -%}
    {%- set millionths = (var('learned_share') * 1000000) | round | int -%}
    {{ return(where_users(query, sample_bucket(['user_id'], 1000000) ~ ' < ' ~ millionths)) }}
{%- endmacro %}
