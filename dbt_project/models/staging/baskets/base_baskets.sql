{{ base_table('baskets') }}
