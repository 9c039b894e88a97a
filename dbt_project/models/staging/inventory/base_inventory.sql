{{ base_table('inventory') }}
