{{ base_table('product_promotions') }}
