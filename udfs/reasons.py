"""Reasons of a score: what each entry of its input adds to the margin, and the base value where the sum begins.

The margin is the log-odds of the score as it is served, calibration included: a blend's slope and intercept are linear in
log-odds, so its members' contributions are scaled by the one and the base value shifted by the other. Of an uplift score, which
is a difference of probabilities, the margin is the score itself.

How a scorer comes by its contributions, its `attribution`:

    exact        the model's own: tree SHAP (Lundberg et al., 2020), coefficient × centred value, the one input of a rule
    rescaled     exact in the log-odds of each of several models, brought to probabilities in proportion (DeepLIFT's rescale rule,
                 Shrikumar et al., 2017)
    occlusion    inputs are taken away one after another, in two opposite orders, and the mean of both changes counts; exact where
                 the model is additive in log-odds, as the logistic regression is
    approximate  trees by the path rule of Saabas (2014), some forty times as fast as tree SHAP
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.model_registry import ModelRefused
from udfs.scorer import Scorer, list_array
from udfs.thread_pool import map_pieces

ATTRIBUTIONS = ("exact", "rescaled", "occlusion", "approximate")
"""From the strictest on: a blend's is the last one among its members'."""

PIECE_ROWS = 128
"""Reasons cost a hundred times as much as the score: small pieces keep every core busy."""


class Explainer(Scorer, Protocol):
    """A scorer that tells the reasons of its scores."""

    def attribution(self, fast: bool) -> str:
        """One of ATTRIBUTIONS."""
        ...

    def explain(self, batch: NDArray[Any], fast: bool) -> NDArray[np.float64]:
        """Contributions of a dense batch [rows, width]: [rows, width + 1], the base value last.

        A row sums to its margin. `fast` allows approximate ones. An uplift puts the treatment's own contribution first.
        """
        ...


def explainer(scorer: Scorer) -> Explainer:
    """`scorer` as one that tells reasons; raises ModelRefused when its kind tells none."""
    if not hasattr(scorer, "explain"):
        raise ModelRefused(f"{scorer.name}: {type(scorer).__name__} tells no reasons; read the score alone")
    return cast(Explainer, scorer)


def explain_column(scorer: Scorer, fast: bool, *columns: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Reasons of Arrow columns of N lists, one an argument of the SQL function.

    Returns an Arrow array of N lists of float32, contributions and base value; null where the row has nothing to score.
    """
    batch, valid = scorer.dense_batch(*columns)
    found = map_pieces(partial(explainer(scorer).explain, fast=fast), batch[valid], PIECE_ROWS)
    contributions = np.zeros((len(valid), found.shape[1]), dtype=np.float32)
    contributions[valid] = found
    return list_array(contributions, None if valid.all() else ~valid)


def weakest(attributions: Iterable[str]) -> str:
    """The least strict of some attributions."""
    return max(attributions, key=ATTRIBUTIONS.index)


def in_two_orders(
    margins: Callable[[NDArray[Any]], NDArray[np.float64]], batch: NDArray[Any], missing: Any
) -> NDArray[np.float64]:
    """Contributions [rows, K + 1] of features [rows, K] by occlusion: known one by one, from the first and from the last.

    `margins` gives log-odds [rows]; `missing` stands for an unknown feature. The base value is the margin of nothing known.
    """
    rows, width = batch.shape
    place = np.arange(width)
    steps = np.arange(width + 1)[:, None]
    contributions = np.zeros((rows, width + 1))
    for known in (place < steps, place >= width - steps):  # [steps, K]: from the first on, from the last on
        paths = np.where(known[:, None, :], batch, batch.dtype.type(missing))
        along = margins(paths.reshape(-1, width)).reshape(width + 1, rows)
        added = np.diff(along, axis=0).T
        contributions[:, :-1] += (added if known[1, 0] else added[:, ::-1]) / 2
        contributions[:, -1] = along[0]
    return contributions
