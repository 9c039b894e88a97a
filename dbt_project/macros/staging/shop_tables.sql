{# The contract's tables with their key columns. refs need literal names at parse time, so the list stands here;
   the test tests/test_contract.py holds it against models/staging/shop.yml. #}
{% macro shop_tables() %}
    {{ return({
        'users': ['user_id'],
        'products': ['product_id'],
        'order_lines': ['order_id', 'line_number'],
        'events': ['event_id'],
        'reviews': ['review_id'],
        'returns': ['order_id', 'line_number', 'returned_at'],
        'baskets': ['basket_id', 'line_number'],
        'coupons': ['coupon_id'],
        'coupon_products': ['coupon_id', 'product_id'],
        'coupon_redemptions': ['redemption_id'],
        'campaigns': ['campaign_id'],
        'campaign_sends': ['campaign_id', 'user_id'],
        'inventory': ['product_id', 'as_of_date'],
        'competitor_prices': ['product_id', 'competitor', 'observed_at'],
        'price_history': ['product_id', 'as_of_date'],
        'consents': ['user_id', 'purpose', 'changed_at'],
        'offer_feedback': ['user_id', 'offer_id', 'given_at'],
        'loyalty_accounts': ['user_id'],
        'points_redemptions': ['redemption_id'],
        'product_promotions': ['product_id', 'week_start'],
    }) }}
{% endmacro %}
