{# The catalogue's kinds that work on one product, picked for the user. The kind of the shop's own coupon is the shop's word for it. #}
{% macro product_kinds() -%}
    ('flash_discount', 'member_exclusive', 'birthday', 'personal_pick')
{%- endmacro %}
