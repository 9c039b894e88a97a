"""The placebo: the whole method once more, with a promotion two weeks later in the place of the one that goes on.

A later promotion can't sell anything yet. A method that still finds who answers to it would find anything, so its AUTOC has to
be 0 within noise (the placebo-treatment refutation of DoWhy; Sharma and Kiciman, 2020). Rows promoted now are left out.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models_onnx.promo_effect.candidates import CANDIDATES, fit_candidates
from models_onnx.promo_effect.effects import Effects, NoOverlap, effects_of, fit_nuisance
from models_onnx.uplift.learners import Rows


@dataclass(frozen=True)
class Window:
    """Rows of one window that weren't promoted and of which it is known whether they are two weeks later."""

    rows: Rows
    """`treated` is promoted later."""
    products: NDArray[np.int64]


@dataclass(frozen=True)
class Placebo:
    """What the method finds where there is nothing to be found."""

    effects: Effects
    features: NDArray[np.float32]
    """[open rows, K] of the test window, for other orders of the same rows."""
    scores: NDArray[np.float32]
    """[open rows]: effects as the method learned them of the placebo."""

    @cached_property
    def autoc(self) -> float:
        """Of the method's order."""
        return self.effects.judge.value(self.scores)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """95 %."""
        return self.effects.judge.interval(self.scores)

    @property
    def is_within_noise(self) -> bool:
        """True when the interval holds 0."""
        lower, upper = self.interval
        return lower <= 0 <= upper


def try_placebo(train: Window, validation: Window, test: Window, seed: int) -> Placebo | None:
    """None where too little is promoted two weeks later to learn from, or no row's chance of it is open."""
    for window in (train, validation, test):
        if not len(window.rows.treated) or not 0 < window.rows.treated.mean() < 1:
            return None
    try:
        effects = effects_of(test.rows, test.products, fit_nuisance(train.rows, validation.rows, seed))
    except NoOverlap:
        return None
    features = test.rows.features[effects.open]
    learner = fit_candidates(train.rows, validation.rows, seed)[CANDIDATES[-1]]
    return Placebo(effects, features, learner.effect(features))
