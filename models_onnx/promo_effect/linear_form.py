"""The article's linear form, E(u, p) = σ(W_e · [I(u, p), p] + b_e): interest joined with the product's side."""

import json

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

LINEAR_FILE = "linear.json"


def fitted_linear_form(features: NDArray[np.float32], bought: NDArray[np.float32], names: list[str], inputs: list[str]) -> bytes:
    """linear.json (see `udfs/promo_effect.py`) by logistic regression of `bought` [N], of promoted rows, on `inputs`.

    A missing feature counts as the mean of the known ones. Raises ValueError when `bought` holds one class only.
    """
    places = [names.index(name) for name in inputs]
    values = features[:, places].astype(np.float64)
    known = ~np.isnan(values)
    missing = np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    values = np.where(known, values, missing)
    scale = values.std(axis=0)
    scale[scale == 0] = 1
    fitted = LogisticRegression(max_iter=500).fit((values - missing) / scale, bought)
    weights = fitted.coef_[0] / scale
    form = {
        "weights": weights.tolist(),
        "bias": float(fitted.intercept_[0] - weights @ missing),
        "inputs": places,
        "missing": missing.tolist(),
        "feature_count": len(names),
    }
    return (json.dumps(form, indent=2) + "\n").encode()
