"""Learners of a treatment's effect over boosted trees: one model (S), two models (T), the X-learner, and an anchored two-model.

Künzel, Sekhon, Bickel and Yu, "Metalearners for estimating heterogeneous treatment effects using machine learning" (2019).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from models_onnx.calibration import shift_to
from udfs.log_odds import logit, sigmoid

PROBABILITY = "binary:logistic"
MEAN = "reg:squarederror"
FARTHEST_SHIFT = 10.0
"""One arm's probabilities are moved to the other's level by no more than this on the logit scale."""


@dataclass(frozen=True)
class Rows:
    """Rows to learn an effect from."""

    features: NDArray[np.float32]
    """[N, K], NaN where missing."""
    treated: NDArray[np.float32]
    """[N] of 0 and 1."""
    outcomes: NDArray[np.float32]
    """[N]; 0 and 1 for a probability."""

    def of(self, chosen: NDArray[np.bool_]) -> "Rows":
        """The rows where `chosen` [N] is true."""
        return Rows(self.features[chosen], self.treated[chosen], self.outcomes[chosen])


@dataclass(frozen=True)
class TreeSettings:
    """How the trees grow."""

    rounds: int = 150
    eta: float = 0.1
    max_depth: int = 5
    min_child_weight: float = 50
    subsample: float = 0.8
    colsample: float = 0.8
    reg_lambda: float = 1.0
    max_bin: int = 64
    patience: int = 10
    """Rounds without gain on the validation rows before it stops; without validation rows all rounds grow."""
    threads: int = 2

    def parameters(self, objective: str, seed: int) -> dict[str, Any]:
        """As xgboost names them."""
        return {
            "objective": objective,
            "tree_method": "hist",
            "eta": self.eta,
            "max_depth": self.max_depth,
            "min_child_weight": self.min_child_weight,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample,
            "lambda": self.reg_lambda,
            "max_bin": self.max_bin,
            "nthread": self.threads,
            "seed": seed,
        }


@dataclass(frozen=True)
class Trees:
    """One fitted model of an outcome."""

    booster: xgboost.Booster
    rounds: int

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """[N] of features [N, K]."""
        return self.booster.inplace_predict(features, iteration_range=(0, self.rounds), missing=np.nan)

    def content(self) -> bytes:
        """As xgboost saves it, UBJSON."""
        return bytes(self.booster.save_raw("ubj"))


@dataclass(frozen=True)
class Learner:
    """A fitted learner: effect [N] of features [N, K], and the models it is made of."""

    name: str
    effect: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    models: Mapping[str, Trees] = field(default_factory=dict)


def fit_trees(
    features: NDArray[np.float32],
    targets: NDArray[np.float32],
    settings: TreeSettings,
    seed: int,
    objective: str = PROBABILITY,
    validation: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
) -> Trees:
    """Trees over features [N, K] and targets [N]; with validation features and targets they stop early."""
    # The mean is where the trees begin: few and cautious trees would else spend themselves on reaching it.
    start = float(np.clip(targets.mean(), 1e-6, 1 - 1e-6)) if objective == PROBABILITY else float(targets.mean())
    evals = [(xgboost.DMatrix(validation[0], label=validation[1]), "validation")] if validation is not None else []
    booster = xgboost.train(
        settings.parameters(objective, seed) | {"base_score": start},
        xgboost.QuantileDMatrix(features, label=targets, max_bin=settings.max_bin, nthread=settings.threads),
        num_boost_round=settings.rounds,
        evals=evals,
        early_stopping_rounds=settings.patience if evals else None,
        verbose_eval=False,
    )
    return Trees(booster, booster.best_iteration + 1 if evals else settings.rounds)


def fit_s(
    train: Rows, settings: TreeSettings, seed: int, objective: str = PROBABILITY, validation: Rows | None = None
) -> Learner:
    """One model of the outcome that reads the treatment as its last feature; the effect is what changing it changes."""
    held = None if validation is None else (with_treatment(validation.features, validation.treated), validation.outcomes)
    outcome = fit_trees(with_treatment(train.features, train.treated), train.outcomes, settings, seed, objective, held)

    def effect(features: NDArray[np.float32]) -> NDArray[np.float32]:
        return outcome.predict(with_treatment(features, 1.0)) - outcome.predict(with_treatment(features, 0.0))

    return Learner("S", effect, {"outcome": outcome})


def fit_t(
    train: Rows, settings: TreeSettings, seed: int, objective: str = PROBABILITY, validation: Rows | None = None
) -> Learner:
    """Two models, of the outcome of treated and of control rows; the effect is their difference."""
    models = {name: _fit_arm(train, arm, settings, seed, objective, validation) for name, arm in (("treated", 1), ("control", 0))}

    def effect(features: NDArray[np.float32]) -> NDArray[np.float32]:
        return models["treated"].predict(features) - models["control"].predict(features)

    return Learner("T", effect, models)


def fit_x(
    train: Rows,
    settings: TreeSettings,
    seed: int,
    objective: str = PROBABILITY,
    validation: Rows | None = None,
    propensity: float | None = None,
    two_models: Learner | None = None,
    effect_settings: TreeSettings | None = None,
) -> Learner:
    """X-learner: each arm's outcomes minus what the other arm's model makes of them, modelled, and mixed by the propensity.

    `propensity` is that of a trial drawn by lot; without one a model is fitted. `two_models`: a T-learner of the same rows, so
    that it needn't be fitted twice.
    """
    outcome = (two_models or fit_t(train, settings, seed, objective, validation)).models
    how = effect_settings or settings

    def imputed(rows: Rows, arm: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        own = rows.of(rows.treated == arm)
        other = outcome["control" if arm else "treated"].predict(own.features)
        return own.features, (own.outcomes - other) if arm else (other - own.outcomes)

    effects = {
        arm: fit_trees(*imputed(train, arm), how, seed, MEAN, None if validation is None else imputed(validation, arm))
        for arm in (1, 0)
    }
    models = {"effect_treated": effects[1], "effect_control": effects[0]}
    if propensity is None:
        held = None if validation is None else (validation.features, validation.treated)
        models["propensity"] = fit_trees(train.features, train.treated, settings, seed, PROBABILITY, held)

    def effect(features: NDArray[np.float32]) -> NDArray[np.float32]:
        share: Any = propensity if propensity is not None else models["propensity"].predict(features)
        mixed = share * effects[0].predict(features) + (1 - share) * effects[1].predict(features)
        return np.asarray(mixed, dtype=np.float32)

    return Learner("X", effect, models)


def fit_anchored(train: Rows, base: TreeSettings, change: TreeSettings, seed: int, objective: str = PROBABILITY) -> Learner:
    """Two models, one of which begins where the other ends: without evidence the effect is in proportion to the outcome.

    One arm's model is fitted (`base`); the other arm's starts from it, shifted so that the mean is right (on the logit scale
    for probabilities, by a factor for amounts), and adds few, cautious trees (`change`). Which arm begins makes a difference,
    so both ways are averaged. Where effects hardly differ this ranks as a response model does, and a two-model learner as noise.
    """
    forward, backward = (_anchored(train, arm, base, change, seed, objective) for arm in (0, 1))

    def effect(features: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray((forward(features) - backward(features)) / 2, dtype=np.float32)

    return Learner("anchored", effect)


def with_treatment(features: NDArray[np.float32], treated: NDArray[np.float32] | float) -> NDArray[np.float32]:
    """Features [N, K] and the treatment behind them, [N, K + 1]."""
    column = np.broadcast_to(np.asarray(treated, dtype=np.float32), (len(features),))
    return np.column_stack([features, column])


def _fit_arm(train: Rows, arm: int, settings: TreeSettings, seed: int, objective: str, validation: Rows | None) -> Trees:
    own = train.of(train.treated == arm)
    held = validation.of(validation.treated == arm) if validation is not None else None
    return fit_trees(
        own.features, own.outcomes, settings, seed, objective, None if held is None else (held.features, held.outcomes)
    )


def _anchored(
    train: Rows, anchor: int, base: TreeSettings, change: TreeSettings, seed: int, objective: str
) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
    """(features [N, K]) -> outcome of the arm that isn't `anchor` minus that of the one that is, [N]."""
    own, other = train.of(train.treated == anchor), train.of(train.treated != anchor)
    first = fit_trees(own.features, own.outcomes, base, seed, objective)

    def start(features: NDArray[np.float32]) -> NDArray[np.float64]:
        values = first.predict(features).astype(np.float64)
        return logit(values) if objective == PROBABILITY else values

    of_other = start(other.features)
    shifted = _shift(of_other, own.outcomes, other.outcomes, objective)
    booster = xgboost.train(
        change.parameters(objective, seed),
        xgboost.DMatrix(other.features, label=other.outcomes, base_margin=shifted(of_other)),
        num_boost_round=change.rounds,
    )

    def difference(features: NDArray[np.float32]) -> NDArray[np.float64]:
        margin = start(features)
        reached = booster.predict(xgboost.DMatrix(features, base_margin=shifted(margin)))
        return np.asarray(reached - (sigmoid(margin) if objective == PROBABILITY else margin), dtype=np.float64)

    return difference


def _shift(
    margin: NDArray[np.float64], own: NDArray[np.float32], other: NDArray[np.float32], objective: str
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """What brings the anchor's predictions for the other arm's rows (`margin`) to that arm's mean."""
    if objective != PROBABILITY:
        factor = float(other.mean()) / float(own.mean()) if own.mean() else 1.0
        return lambda values: values * factor
    shift = shift_to(float(other.mean()), margin, FARTHEST_SHIFT)
    return lambda values: values + shift
