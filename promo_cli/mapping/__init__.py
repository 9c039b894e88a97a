"""A foreign shop's tables and the source contract: looked at, proposed, written as SQL, followed by a load."""
