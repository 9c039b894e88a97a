{{ base_table('loyalty_accounts') }}
