"""Uplift: what a treatment changes, and for whom. Learners (S, T, X over boosted trees), measures, and a trial on a file."""
