{{ base_table('reviews') }}
