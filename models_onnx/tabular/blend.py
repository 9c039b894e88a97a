"""Blends on the logit scale and Platt's calibration: `blend.json`, which pins the models it mixes by their SHA-256."""

import hashlib
import json
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models_onnx.evaluation import log_loss
from udfs.log_odds import logit, sigmoid

BLEND_FILE = "blend.json"
WEIGHTS = tuple(round(0.1 * step, 1) for step in range(1, 10))
"""Shares of the first member that are tried."""
CHANCE = 2.996
"""Half of χ²(2 degrees of freedom, 95 %): log-likelihood that two more parameters gain by chance."""

Scores = NDArray[np.floating[Any]]


class Member(NamedTuple):
    """One model of a blend."""

    file: str
    """Plain file name; it lies beside blend.json."""
    kind: str
    content: bytes
    weight: float
    argument: int = 0
    """Which argument of the SQL function the member reads, from 0."""


def blend_json(members: list[Member], features: list[str], slope: float = 1.0, intercept: float = 0.0) -> bytes:
    """score = σ(slope · Σ weight · logit(p of the member) + intercept). `features` are the names of the feature vector."""
    lines = []
    for member in members:
        line: dict[str, Any] = {
            "file": member.file,
            "sha256": hashlib.sha256(member.content).hexdigest(),
            "kind": member.kind,
            "weight": member.weight,
        }
        lines.append(line | ({"argument": member.argument} if member.argument else {}))
    blend = {"members": lines, "slope": slope, "intercept": intercept, "features": features}
    return (json.dumps(blend, indent=2, ensure_ascii=False) + "\n").encode()


def blended(scores: list[Scores], weights: list[float], slope: float = 1.0, intercept: float = 0.0) -> NDArray[np.float32]:
    """The blend's score of its members' scores [N] each."""
    total = sum(weight * logit(score) for weight, score in zip(weights, scores, strict=True))
    return sigmoid(slope * np.asarray(total) + intercept).astype(np.float32)


def best_weight(labels: Scores, first: Scores, second: Scores) -> float:
    """The share of `first`, 0.1 … 0.9, whose blend with `second` has the lowest log-loss."""
    losses = {weight: log_loss(labels, blended([first, second], [weight, 1 - weight])) for weight in WEIGHTS}
    return min(losses, key=lambda weight: (losses[weight], weight))


def platt(labels: Scores, scores: Scores) -> tuple[float, float]:
    """Slope and intercept on the logit scale (Platt, 1999) that calibrate `scores` [N] to `labels` [N].

    (1, 0), which changes nothing, unless the log-loss falls by more than two parameters gain by chance (likelihood
    ratio, 95 %), or when the slope would turn the order round.
    """
    inputs = logit(scores).reshape(-1, 1)
    model = LogisticRegression(C=1e6, max_iter=500).fit(inputs, labels)
    slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    saved = len(labels) * (log_loss(labels, scores) - log_loss(labels, blended([scores], [1.0], slope, intercept)))
    return (slope, intercept) if slope > 0 and saved > CHANCE else (1.0, 0.0)
