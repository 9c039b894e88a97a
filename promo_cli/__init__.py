"""The `promo` command: one file per verb over plain functions that tests call without a terminal."""
