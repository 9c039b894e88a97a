-- interest of each user in each of the most bought categories; scored again only when input or model changed
{{ scored('category_interest', 'user_category_features', keys=['user_id', 'category']) }}
