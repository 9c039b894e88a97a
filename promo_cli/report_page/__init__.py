"""The page that `promo report` writes: its queries, words, charts, tables and look."""
