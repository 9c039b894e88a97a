{{ base_table('order_lines') }}
