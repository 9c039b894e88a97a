"""Between probabilities and log-odds, for every scorer and every fit that mixes or shifts scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

SMALLEST_PROBABILITY = 1e-6
"""Probabilities are kept this far from 0 and 1, where the logit has no end."""


def logit(probabilities: ArrayLike) -> NDArray[np.float64]:
    """log(p / (1 - p)) of probabilities [N], kept 1e-6 away from 0 and 1."""
    safe = np.clip(np.asarray(probabilities, dtype=np.float64), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return np.log(safe) - np.log1p(-safe)


def sigmoid(log_odds: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """1 / (1 + e^-z) of log-odds [N], as (1 + tanh(z / 2)) / 2, which can't overflow as e^-z can."""
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * log_odds))
