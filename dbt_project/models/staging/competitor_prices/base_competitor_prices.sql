{{ base_table('competitor_prices') }}
