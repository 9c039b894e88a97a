"""The purchase-intent model: network, training, export, baselines."""
