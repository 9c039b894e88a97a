{{ base_table('points_redemptions') }}
