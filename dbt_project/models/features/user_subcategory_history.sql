-- what each user has done with each subcategory before the as-of date
{{ user_history('subcategory') }}
