{{ base_table('campaign_sends') }}
