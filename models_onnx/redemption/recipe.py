"""The recipe that every fit on past campaigns follows: logistic regression, boosted trees and their blend, no validation rows.

Rows are few and campaigns fewer, so nothing is held out within a fit: the settings were chosen once on validation campaigns,
the blend's weight and the calibration come from earlier campaigns' out-of-time scores (see `rolling.py`).
"""

from dataclasses import dataclass, field

import numpy as np
import xgboost
from numpy.typing import NDArray

from models_onnx.tabular.blend import BLEND_FILE, Member, blend_json
from models_onnx.tabular.fit import scores_of
from models_onnx.tabular.logistic import fit_logistic, logistic_onnx
from udfs.log_odds import logit
from udfs.scorer import Scorer
from udfs.scorer_kinds import scorer_from

_KINDS = {"logistic": ("onnx_features", "logistic.onnx"), "xgboost": ("xgboost", "xgboost.ubj")}
MEMBERS = tuple(_KINDS)


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters; chosen on validation campaigns."""

    strength: float = 0.01
    """C of the logistic regression."""
    max_depth: int = 2
    eta: float = 0.05
    rounds: int = 100
    subsample: float = 0.7
    colsample_bytree: float = 0.25
    min_child_weight: float = 5
    reg_lambda: float = 5
    negatives_per_positive: int | None = None
    """Fit on so many negatives a positive, drawn by the seed; None: on all. Scores are corrected for it."""
    threads: int = 1


@dataclass(frozen=True)
class Fitted:
    """Members of the blend, {name: file content}, and the correction of their logits."""

    members: dict[str, bytes]
    offset: float
    """ln of the share of negatives that were fitted on: what drawing them added to every logit (King and Zeng, 2001)."""
    rows: int
    positives: int
    _scorers: dict[str, Scorer] = field(default_factory=dict, repr=False)

    def logits(self, features: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
        """{member: corrected logits [N]} of the features [N, K], by the very scorers that serve."""
        for name, content in self.members.items():
            if name not in self._scorers:
                self._scorers[name] = scorer_from(name, _KINDS[name][0], content)
        return {name: logit(scores_of(scorer, features)) + self.offset for name, scorer in self._scorers.items()}

    def files(self, weights: dict[str, float], shift: float, names: list[str]) -> tuple[str, dict[str, bytes]]:
        """(main file, all files) of the blend with `weights` {member: weight}, its logit moved by `shift`."""
        parts = [Member(_KINDS[name][1], _KINDS[name][0], self.members[name], weight) for name, weight in weights.items()]
        # The weights add up to 1, so the members' common offset can stand in the intercept.
        content = blend_json(parts, names, 1.0, self.offset + shift)
        return BLEND_FILE, {BLEND_FILE: content} | {part.file: part.content for part in parts}


def fit(features: NDArray[np.float32], labels: NDArray[np.float32], recipe: Recipe, seed: int) -> Fitted:
    """Fit both members on features [N, K] (NaN missing) and labels [N]. Raises ValueError when the labels are of one class."""
    positives = int(labels.sum())
    if not 0 < positives < len(labels):
        raise ValueError("labels must hold both classes")
    kept, share = _drawn(labels, recipe.negatives_per_positive, seed)
    learned, answers = features[kept], labels[kept]
    booster = xgboost.train(
        {
            "objective": "binary:logistic",
            "tree_method": "hist",
            "max_depth": recipe.max_depth,
            "eta": recipe.eta,
            "subsample": recipe.subsample,
            "colsample_bytree": recipe.colsample_bytree,
            "min_child_weight": recipe.min_child_weight,
            "lambda": recipe.reg_lambda,
            "nthread": recipe.threads,
            "seed": seed,
        },
        xgboost.QuantileDMatrix(learned, label=answers, nthread=recipe.threads),
        num_boost_round=recipe.rounds,
    )
    return Fitted(
        members={
            "logistic": logistic_onnx(fit_logistic(learned, answers, recipe.strength)),
            "xgboost": bytes(booster.save_raw("ubj")),
        },
        offset=float(np.log(share)),
        rows=len(labels),
        positives=positives,
    )


def mixed(logits: dict[str, NDArray[np.float64]], weights: dict[str, float]) -> NDArray[np.float64]:
    """Σ weight · logit over the members that have a weight, [N]."""
    return np.asarray(sum(weight * logits[name] for name, weight in weights.items()))


def _drawn(labels: NDArray[np.float32], per_positive: int | None, seed: int) -> tuple[NDArray[np.bool_], float]:
    """Mask [N] of the rows to fit on (every positive), and the share of negatives among them."""
    negatives = int((labels == 0).sum())
    wanted = negatives if per_positive is None else min(negatives, per_positive * int(labels.sum()))
    kept = labels == 1
    chosen = np.random.default_rng(seed).permutation(np.flatnonzero(labels == 0))[:wanted]
    kept[chosen] = True
    return kept, wanted / negatives
