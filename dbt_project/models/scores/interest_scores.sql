-- interest of each user in each candidate product; scored again only when input or model changed
{{ scored('interest', 'user_product_features', keys=['user_id', 'product_id']) }}
