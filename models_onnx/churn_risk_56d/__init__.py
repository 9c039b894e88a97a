"""Active users without a purchase in the next 56 days: the declaration of the task and its shipped model."""
