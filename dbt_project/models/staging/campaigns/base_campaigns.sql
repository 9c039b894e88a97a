{{ base_table('campaigns') }}
