{#
    The signals of abuse in features.user_risk_signals, with what the anomaly score makes of each: every one is the more
    suspicious the higher it is. Those that say nearly the same (a device shared, an account linked) would count twice in a
    sum of surprises, so the anomaly score reads only the ones marked true.
#}
{% macro risk_signals() -%}
    {{ return({
        'address_accounts': false,
        'payment_accounts': false,
        'device_accounts': false,
        'linked_accounts': true,
        'same_coupon_accounts': true,
        'same_coupon_days': true,
        'shared_coupons': false,
        'coupon_days': false,
        'coupon_day_share': true,
        'coupon_orders_24h': true,
        'coupon_orders_7d': true,
        'new_account_coupons': true,
        'linked_sign_ups': true,
        'returned_lines': false,
        'return_share': true,
    }) }}
{%- endmacro %}
