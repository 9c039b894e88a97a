"""Which receivers of a campaign redeem which of its coupons: the declaration of the task and its shipped model."""
