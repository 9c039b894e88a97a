"""Interest I(u, p): the article's linear form and a boosted scorer over the same features."""
