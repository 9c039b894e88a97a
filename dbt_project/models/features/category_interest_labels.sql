-- what categories were bought from in the days after the as-of date; only where those days are over
{{ bought_labels('category', 'user_category_features', 'category_interest_days') }}
