"""Groups of users who shop alike, by k-means over how they shop."""
