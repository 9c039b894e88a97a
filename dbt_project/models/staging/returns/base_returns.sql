{{ base_table('returns') }}
