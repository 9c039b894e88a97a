{# The most that a row may say. Beyond it no shop means it, and sums over it would leave the decimals that they are kept in. #}
{% macro largest_quantity() %}1000000{% endmacro %}

{# Shop currency: of a price, a line, a coupon. #}
{% macro largest_amount() %}10000000000{% endmacro %}

{# Shop currency: of a campaign's budget. #}
{% macro largest_budget() %}10000000000000{% endmacro %}

{# Pieces in stock, stores, points. #}
{% macro largest_count() %}50000000{% endmacro %}

{# 31 days: a page left open. #}
{% macro longest_dwell_seconds() %}2678400{% endmacro %}
