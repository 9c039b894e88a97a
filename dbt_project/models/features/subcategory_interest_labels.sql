-- what subcategories were bought from in the days after the as-of date; only where those days are over
{{ bought_labels('subcategory', 'user_subcategory_features', 'interest_days') }}
