"""Price response: elasticities that SQL computes (scores.category_price_response), and how far they can be trusted."""
