{{ base_table('coupon_products') }}
