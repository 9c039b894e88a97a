"""Calibration in the large: one number that brings the level of scores to an observed rate and leaves their order alone."""

import numpy as np
from numpy.typing import NDArray

from udfs.log_odds import sigmoid

STEPS = 50


def shift_to(rate: float, logits: NDArray[np.float64], farthest: float) -> float:
    """What to add to logits [N] so that their mean probability is `rate`, within ±`farthest`; by bisection."""
    lowest, highest = -farthest, farthest
    for _ in range(STEPS):
        middle = (lowest + highest) / 2
        if float(sigmoid(logits + middle).mean()) < rate:
            lowest = middle
        else:
            highest = middle
    return (lowest + highest) / 2
