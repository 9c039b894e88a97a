"""What may serve as promo_effect: one model asked twice (S), two models (T), or both, whose differences are averaged."""

import hashlib
import json
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models_onnx.uplift.learners import Learner, Rows, Trees, TreeSettings, fit_s, fit_t

SETTINGS = TreeSettings(rounds=300, eta=0.05, subsample=0.7, colsample=0.5)
"""Small steps over few columns each: the difference of two models doubles what either makes of noise."""
UPLIFT_FILE = "uplift.json"
CANDIDATES = ("S-learner", "T-learner", "S- and T-learner")


def fit_candidates(train: Rows, validation: Rows, seed: int) -> dict[str, Learner]:
    """The candidates by name; trees are stopped by validation rows."""
    one = fit_s(train, SETTINGS, seed, validation=validation)
    two = fit_t(train, SETTINGS, seed, validation=validation)
    return dict(zip(CANDIDATES, (one, two, _mean_of(one, two)), strict=True))


def _mean_of(one: Learner, two: Learner) -> Learner:
    def effect(features: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray((one.effect(features) + two.effect(features)) / 2, dtype=np.float32)

    return Learner("S+T", effect, {**one.models, **two.models})


def uplift_files(models: Mapping[str, Trees]) -> dict[str, bytes]:
    """uplift.json (see `udfs/uplift.py`) and the models that it pins by their SHA-256, by plain file name."""
    files = {f"{role}.ubj": trees.content() for role, trees in models.items()}
    members = {
        role: {"file": f"{role}.ubj", "sha256": hashlib.sha256(files[f"{role}.ubj"]).hexdigest(), "kind": "xgboost"}
        for role in models
    }
    return {UPLIFT_FILE: (json.dumps({"members": members}, indent=2) + "\n").encode(), **files}
