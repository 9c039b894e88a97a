-- interest of each user in each subcategory; scored again only when input or model changed
{{ scored('subcategory_interest', 'user_subcategory_features', keys=['user_id', 'subcategory']) }}
