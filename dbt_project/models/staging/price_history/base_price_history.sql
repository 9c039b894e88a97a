{{ base_table('price_history') }}
