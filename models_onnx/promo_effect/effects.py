"""Estimated effects of a treatment on rows that no lottery drew: what an order by effect is judged on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models_onnx.task import Judge
from models_onnx.uplift.judge import AutocJudge
from models_onnx.uplift.learners import Learner, Rows, Trees, TreeSettings, fit_t, fit_trees
from models_onnx.uplift.measures import doubly_robust

NUISANCE = TreeSettings(rounds=80, max_depth=4, eta=0.15)
"""Coarser than the model that is judged, and of other draws: who judges must not share the accused's noise."""
NUISANCE_SEED = 100
LEAST_PROPENSITY = 0.05
"""Rows whose treatment was all but certain, either way, tell nothing of its effect and are left out (Crump, Hotz, Imbens and
Mitnik, "Dealing with limited overlap in estimation of average treatment effects", Biometrika 96, 2009).
"""


class NoOverlap(ValueError):  # noqa: N818 - it names what is wrong, not that something is
    """No row's treatment was open, either way; one line."""


@dataclass(frozen=True)
class Nuisance:
    """Outcome of the treated and of the others, and the chance of being treated, each of the features."""

    outcomes: Learner
    propensity: Trees


@dataclass(frozen=True)
class Effects:
    """Rows of a window whose treatment was open, with the estimated effect of each."""

    open: NDArray[np.bool_]
    """[N]: rows of the window that count."""
    estimated: NDArray[np.float64]
    """[rows that count]: doubly robust estimates; single ones are mostly noise, means are not."""
    judge: Judge

    @property
    def mean(self) -> float:
        """The average effect."""
        return float(self.estimated.mean())


def fit_nuisance(train: Rows, validation: Rows, seed: int) -> Nuisance:
    """Fitted to training rows, stopped by validation rows; the rows to be judged are in neither."""
    seed += NUISANCE_SEED
    return Nuisance(
        fit_t(train, NUISANCE, seed, validation=validation),
        fit_trees(train.features, train.treated, NUISANCE, seed, validation=(validation.features, validation.treated)),
    )


def effects_of(rows: Rows, products: NDArray[np.int64], nuisance: Nuisance) -> Effects:
    """Doubly robust effects of rows whose propensity lies within LEAST_PROPENSITY .. 1 - LEAST_PROPENSITY.

    `products` [N] are what is drawn whole for intervals: a promotion is of a product, its rows are no independent evidence.
    Raises NoOverlap when no row is open.
    """
    chance = nuisance.propensity.predict(rows.features)
    chosen = (chance > LEAST_PROPENSITY) & (chance < 1 - LEAST_PROPENSITY)
    if not chosen.any():
        raise NoOverlap(
            f"no row's chance of being promoted lies between {LEAST_PROPENSITY:.0%} and {1 - LEAST_PROPENSITY:.0%}, so what a "
            "promotion changes can't be known"
        )
    of = rows.of(chosen)
    models = nuisance.outcomes.models
    estimated = doubly_robust(
        of.outcomes, of.treated, models["treated"].predict(of.features), models["control"].predict(of.features), chance[chosen]
    )
    return Effects(chosen, estimated, AutocJudge(estimated, products[chosen]))
