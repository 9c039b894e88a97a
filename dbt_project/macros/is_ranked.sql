{#
    A condition: does interest look at this product? `policy` is its row of product_policy, `products` its row of stg_products.
    Scoring looks at what may be promoted. Training and evaluation, which have many as-of dates, look at every product that is a
    choice (var unranked_categories): rankings are compared over whole baskets, and what is active today was not always so.
#}
{% macro is_ranked(policy, products) -%}
    {%- if not var('as_of_dates') -%}
    ({{ policy }}.is_promotable and {{ products }}.is_active)
    {%- elif var('unranked_categories') -%}
    {{ products }}.category not in ('{{ var('unranked_categories') | map('replace', "'", "''") | join("', '") }}')
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}
