-- what each user has done with each product before the as-of date
{{ user_history('product_id') }}
