{{ base_table('products') }}
