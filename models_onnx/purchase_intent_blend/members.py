"""Which members a blend has, and with what weights: those that lower the log-loss on validation, or one alone."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_onnx.evaluation import log_loss
from models_onnx.tabular.blend import blended
from models_onnx.task import Judge

STEPS = 10
"""Weights are tried in tenths."""

RULE = (
    "the member with the highest validation AUC alone, unless the blend with the lowest validation log-loss (weights in tenths, "
    "on the logit scale) gains AUC on it beyond noise (paired 95 % bootstrap interval by user above 0)"
)

Scores = NDArray[np.floating[Any]]


def best_weights(labels: Scores, scores: Mapping[str, Scores]) -> dict[str, float]:
    """Weights in tenths that add up to 1, of the blend with the lowest log-loss; the first of equals."""
    names = list(scores)
    tried = [steps for steps in product(range(STEPS + 1), repeat=len(names)) if sum(steps) == STEPS]
    losses = {steps: log_loss(labels, blended(list(scores.values()), [step / STEPS for step in steps])) for steps in tried}
    best = min(tried, key=lambda steps: losses[steps])
    return {name: step / STEPS for name, step in zip(names, best, strict=True)}


def choose_members(
    labels: Scores, scores: Mapping[str, Scores], judge: Judge
) -> tuple[dict[str, float], tuple[float, float, float], str]:
    """RULE on the members' validation scores [N]: the weights, the best blend's gain over the best member, and that member.

    A member of weight 0 has no say.
    """
    single = max(scores, key=lambda name: judge.value(scores[name]))
    weights = best_weights(labels, scores)
    gain = judge.gain(blended(list(scores.values()), [weights[name] for name in scores]), scores[single])
    if gain[1] <= 0:
        weights = {name: float(name == single) for name in scores}
    return weights, gain, single
