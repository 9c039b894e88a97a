"""click_intent: the sequence network on a click-stream outside the shop, trained and measured on the spot."""
