"""Uplift: by how much a treatment raises a probability, the difference of what two models (or one, asked twice) say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.feature_batches import feature_batch
from udfs.log_odds import sigmoid
from udfs.model_registry import ModelRefused
from udfs.reasons import explainer, weakest
from udfs.scorer import Scorer

TWO_MODELS = {"treated", "control"}
ONE_MODEL = {"outcome"}
FORMS = (TWO_MODELS, ONE_MODEL, TWO_MODELS | ONE_MODEL)


class UpliftScorer:
    """score = P(outcome | features, treated) - P(outcome | features, not treated).

    Of two models (T-learner) each reads the features; one model (S-learner) reads them with the treatment, 1 or 0, behind. With
    all three the score is the mean of the two differences.
    """

    reads_members = True

    def __init__(self, name: str, content: bytes, member: Callable[[str, str, str], Scorer]) -> None:
        """Read `content`, JSON {"members": {role: {"file", "sha256", "kind"}}} with the roles treated and control, or outcome,
        or all three.

        `member(file, sha256, kind)` loads the file of that name beside this one once it has proved to be the pinned one.
        Raises ModelRefused when the JSON is anything else or a member is refused.
        """
        self.name = name
        try:
            lines = {
                str(role): (str(line["file"]), str(line["sha256"]), str(line["kind"]))
                for role, line in json.loads(content)["members"].items()
            }
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelRefused(
                f"{name}: an uplift model must be JSON with members (file, sha256, kind) "
                f"({type(error).__name__}: {error}); train it again"
            ) from error
        if set(lines) not in FORMS:
            raise ModelRefused(
                f"{name}: an uplift model needs the members treated and control, or outcome, or all three; train it again"
            )
        self._members = {role: member(*line) for role, line in lines.items()}
        # The treatment is no feature of the vector: the model that reads it is one entry wider.
        widths = {getattr(part, "feature_count", 0) - (role in ONE_MODEL) for role, part in self._members.items()}
        width = widths.pop()
        if widths or width < 1:
            raise ModelRefused(f"{name}: members of an uplift model must read feature vectors of one length; train it again")
        self.feature_count = width
        self.piece_rows = min(part.piece_rows for part in self._members.values())

    def dense_batch(self, column: pa.Array | pa.ChunkedArray) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Features [N, K] and the mask [N] of rows to score; see `feature_batch` for the rules."""
        return feature_batch(column, self.feature_count)

    def score(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Score features [rows, K]; returns differences of probabilities [rows], -1..1."""
        differences = []
        if "treated" in self._members:
            differences.append(self._members["treated"].score(batch) - self._members["control"].score(batch))
        if "outcome" in self._members:
            asked = np.concatenate([batch, np.ones((len(batch), 1), dtype=batch.dtype)], axis=1)
            treated = self._members["outcome"].score(asked)
            asked[:, -1] = 0
            differences.append(treated - self._members["outcome"].score(asked))
        return np.asarray(sum(differences) / len(differences), dtype=np.float32)

    def attribution(self, fast: bool) -> str:
        """Exact in log-odds, rescaled to probabilities; see `udfs/reasons.py`."""
        return weakest(["rescaled", *(explainer(part).attribution(fast) for part in self._members.values())])

    def explain(self, batch: NDArray[Any], fast: bool) -> NDArray[np.float64]:
        """Contributions [rows, 1 + K + 1] to the difference of probabilities: the treatment's own, the features', the base."""
        contributions = np.zeros((len(batch), self.feature_count + 2))
        if "treated" in self._members:
            for role, way in (("treated", 1), ("control", -1)):
                contributions[:, 1:] += way * _of_probability(explainer(self._members[role]).explain(batch, fast))
        if "outcome" in self._members:
            for treatment, way in ((1, 1), (0, -1)):
                asked = np.column_stack([batch, np.full(len(batch), treatment, dtype=batch.dtype)])
                found = way * _of_probability(explainer(self._members["outcome"]).explain(asked, fast))
                contributions[:, 0] += found[:, -2]
                contributions[:, 1:-1] += found[:, :-2]
                contributions[:, -1] += found[:, -1]
        return contributions / (("treated" in self._members) + ("outcome" in self._members))


def _of_probability(contributions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Contributions [rows, K + 1] to log-odds as ones to the probability, each in proportion."""
    base, margin = contributions[:, -1], contributions.sum(axis=1)
    low, high = sigmoid(base), sigmoid(margin)
    moved = abs(margin - base) > 1e-9
    slope = np.where(moved, (high - low) / np.where(moved, margin - base, 1.0), low * (1 - low))
    return np.column_stack([contributions[:, :-1] * slope[:, None], low])
