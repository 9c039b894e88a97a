{{ base_table('events') }}
