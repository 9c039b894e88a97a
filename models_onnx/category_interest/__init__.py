"""category_interest: does a user buy from one of the most bought categories in the next 14 days?"""
