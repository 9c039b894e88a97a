"""subcategory_interest: how likely a user is to buy from a subcategory in the next 28 days, for ranking."""
