{{ base_table('coupon_redemptions') }}
