{{ base_table('consents') }}
