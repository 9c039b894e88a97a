"""Uplift: by how much a treatment raises a probability, the difference of what two models (or one, asked twice) say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.feature_batches import feature_batch
from udfs.model_registry import ModelRefused
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
