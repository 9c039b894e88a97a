-- what each user has done with each category before the as-of date, a day of purchases counting once
{{ user_history('category') }}
