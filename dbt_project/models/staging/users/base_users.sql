{{ base_table('users') }}
