-- user_subcategory_history of the days that are over: what statistics of a subcategory look at
{{ closed_user_history('subcategory', 'user_subcategory_history') }}
