{{ base_table('coupons') }}
