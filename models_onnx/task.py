"""What a model's training is to the command: one interface that every task fulfils.

A task is what one registered model predicts. Its folder `models_onnx/<name>/` has a module `task.py` that ends in
`TASK = ...`; `models_onnx/tasks.py` lists them. `promo train` builds the task's feature models over its as-of dates in a
training database, calls `train`, and leaves the judgement to `models_onnx/gate.py`; `promo evaluate` calls `evaluate`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

import duckdb
import numpy as np
from numpy.typing import NDArray

from models_onnx.time_split import TimeSplit
from udfs.scorer import Scorer


@dataclass(frozen=True)
class TrainingContext:
    """What a task gets to learn from."""

    connection: duckdb.DuckDBPyConnection
    """Training database, read-only: the schemas staging, features and policies, over `split.all()`."""
    split: TimeSplit
    dbt_vars: Mapping[str, Any]
    """The vars of dbt_project.yml, feature lists among them."""
    seed: int
    source: str
    """One line about the data, for the card."""
    progress: Callable[[str, int, int | None], None]
    """Told of each step: what, how many are done, how many there are (None: unknown)."""

    def features(self, task: str, name: str) -> list[str]:
        """The feature list of the dbt var `name`; raises ValueError where there is none."""
        if name not in self.dbt_vars:
            raise ValueError(f"{task}: dbt_project.yml has no var {name}; install offerhouse again")
        return list(self.dbt_vars[name])


class Judge(Protocol):
    """How score vectors over the same test rows compare; higher is better. See `models_onnx/judges.py`."""

    measure: str
    """"auc", "average_precision", "ndcg@10" ..."""

    def value(self, scores: NDArray[np.floating[Any]]) -> float:
        """The measure of `scores` [N]."""
        ...

    def interval(self, scores: NDArray[np.floating[Any]]) -> tuple[float, float]:
        """Its 95 % interval: lower, upper."""
        ...

    def gain(self, new: NDArray[np.floating[Any]], old: NDArray[np.floating[Any]]) -> tuple[float, float, float]:
        """How much `new` gains on `old`, paired by user: mean, lower and upper end of the 95 % interval."""
        ...


@dataclass(frozen=True)
class Trained:
    """A trained model, nothing of it written yet."""

    kind: str
    """What reads the main file, a key of udfs/scorer_kinds.py: onnx, onnx_features, xgboost, linear, blend ..."""
    file: str
    """The main file, a key of `files`."""
    files: dict[str, bytes]
    """All that stands beside card.json, by plain file name."""
    card: dict[str, Any]
    """The task's own entries: features, settings, candidates that were compared ..."""
    metrics: dict[str, dict[str, dict[str, Any]]]
    """{name: {"validation": {...}, "test": {...}}}: the model under the task's name, baselines as "rule: ..." and so on."""
    judge: Judge | None
    """Over the test rows. None: no gate by a measure; `refusal` alone decides."""
    test_inputs: Any
    """What `Scorer.score` takes for the test rows, so that a former champion is scored on the same ones."""
    test_scores: NDArray[Any]
    """[N], of the new model."""
    baseline_scores: dict[str, NDArray[Any]] = field(default_factory=dict)
    """[N] each, on the same rows."""
    curves: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """"epochs", "reliability", "gains": lists of points."""
    profile: list[dict[str, Any]] = field(default_factory=list)
    """Drift profile of inputs and score on the training rows."""
    refusal: str | None = None
    """Why it must not serve, whatever the gate says."""
    also: dict[str, "Trained"] = field(default_factory=dict)
    """Further models of the same training under their own registered names (say, a simpler form), each judged by itself."""


@dataclass(frozen=True)
class Finding:
    """One line of `promo evaluate`: what a registered model reaches on the test window."""

    task: str
    measure: str
    reached: float
    interval: tuple[float, float] | None
    baselines: dict[str, float]
    rows: int
    note: str = ""


def why_not_scored(scorer: Scorer | None, width: int, entries: str = "features") -> str:
    """Why the champion can't score rows of `width` entries, for a finding's note; "" when it can."""
    if scorer is None:
        return "no champion is registered"
    read = getattr(scorer, "feature_count", None)
    return "" if read in (None, width) else f"the champion reads {read} {entries}, the shop has {width}"


class Task(Protocol):
    """What one registered model predicts, and how it is trained and checked.

    A task whose as-of dates are not laid out back from the end of the data (campaign starts, say) may define
    `dates(connection) -> list[date]` over the staging tables of the training database; the command then calls
    `split(first_day, data_until, dates)` instead.
    """

    name: str
    """Name in the registry = folder in models_onnx = SQL function."""
    title: str
    """What is predicted, for people."""
    horizon_days: int
    """Days a label looks ahead."""
    feature_models: list[str]
    """dbt models to build over the dates (what they read is built too)."""

    def split(self, first_day: date, data_until: date, dates: list[date] | None = None) -> TimeSplit:
        """As-of dates of the three parts. `data_until` is the first day without data. Raises ThinData."""
        ...

    def train(self, context: TrainingContext) -> Trained:
        """Train on train and validation rows, measure on test rows. Raises ThinData or ValueError, one line each."""
        ...

    def evaluate(self, context: TrainingContext, scorer: Scorer | None) -> list[Finding]:
        """The registered champion on the test window with the baselines beside it; None: there is no champion."""
        ...
