{{ base_table('offer_feedback') }}
