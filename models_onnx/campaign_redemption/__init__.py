"""Which receivers of a campaign redeem any of its coupons: the declaration of the task and its shipped model."""
