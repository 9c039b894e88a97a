-- user_category_purchases of the days that are over: what statistics of a category look at
{{ closed_user_history('category', 'user_category_purchases') }}
