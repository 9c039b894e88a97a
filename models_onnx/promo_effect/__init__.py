"""What a promotion changes: promo_effect, learned from what was promoted and what was not, and the article's linear form."""
