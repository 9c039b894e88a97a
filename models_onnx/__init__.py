"""The models: one folder each with its network or learner, training, card and file."""
