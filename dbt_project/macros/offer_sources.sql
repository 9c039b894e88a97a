{#
    The shop's rows that an offer rests on, by table: rows of its user, of its product, of its promotion. `key` is the column
    that names them in the table and in the offer (`own_key` where the offer calls it otherwise), `dated` the day of a row, none
    where rows have no date.
#}
{% macro offer_sources() -%}
    {{ return([
        {'table': 'users', 'key': 'user_id', 'dated': none},
        {'table': 'order_lines', 'key': 'user_id', 'dated': 'ordered_on'},
        {'table': 'events', 'key': 'user_id', 'dated': 'event_on'},
        {'table': 'reviews', 'key': 'user_id', 'dated': 'reviewed_on'},
        {'table': 'coupon_redemptions', 'key': 'user_id', 'dated': 'redeemed_on'},
        {'table': 'campaign_sends', 'key': 'user_id', 'dated': 'sent_on'},
        {'table': 'consents', 'key': 'user_id', 'dated': 'cast(changed_at as date)'},
        {'table': 'offer_feedback', 'key': 'user_id', 'dated': 'cast(given_at as date)'},
        {'table': 'loyalty_accounts', 'key': 'user_id', 'dated': none},
        {'table': 'products', 'key': 'product_id', 'dated': none},
        {'table': 'order_lines', 'key': 'product_id', 'dated': 'ordered_on'},
        {'table': 'events', 'key': 'product_id', 'dated': 'event_on'},
        {'table': 'price_history', 'key': 'product_id', 'dated': 'as_of_date'},
        {'table': 'inventory', 'key': 'product_id', 'dated': 'as_of_date'},
        {'table': 'competitor_prices', 'key': 'product_id', 'dated': 'observed_on'},
        {'table': 'product_promotions', 'key': 'product_id', 'dated': 'week_start'},
        {'table': 'coupons', 'key': 'coupon_id', 'dated': none, 'own_key': 'promotion_id'},
        {'table': 'coupon_products', 'key': 'coupon_id', 'dated': none, 'own_key': 'promotion_id'},
        {'table': 'coupon_redemptions', 'key': 'coupon_id', 'dated': 'redeemed_on', 'own_key': 'promotion_id'},
    ]) }}
{%- endmacro %}
