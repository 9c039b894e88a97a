"""The task interest: a candidate product is bought in the four weeks to come."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from models_onnx.interest.train import FEATURE_MODELS, train
from models_onnx.task import Finding, Trained, TrainingContext
from models_onnx.time_split import TimeSplit, window_split
from udfs.scorer import Scorer


@dataclass(frozen=True)
class InterestTask:
    """Boosted trees and the article's linear form on the same rows."""

    name: str = "interest"
    title: str = "a candidate product is bought in the next 28 days"
    horizon_days: int = 28
    feature_models: list[str] = field(default_factory=lambda: FEATURE_MODELS)

    def split(self, first_day: date, data_until: date, dates: list[date] | None = None) -> TimeSplit:
        """As-of dates one label window apart."""
        return window_split(first_day, data_until, self.horizon_days)

    def train(self, context: TrainingContext) -> Trained:
        """Both forms."""
        pairs = context.dbt_vars["interest_pairs"]
        names = [pair[0] for pair in pairs] + [pair[1] for pair in pairs] + context.dbt_vars["interest_features"]
        with TemporaryDirectory() as folder:
            place = Path(folder) / self.name
            place.mkdir()
            card = train(
                context.connection, context.split, Path(folder), len(pairs), names, context.seed, "", context.source,
                lambda done, total: context.progress("trees", done, total),
            )  # fmt: skip
            trees, linear = (place / "model.ubj").read_bytes(), (place / "linear.json").read_bytes()
        metrics = card.pop("metrics")
        metrics["interest"] = metrics.pop("xgboost")
        form = Trained("linear", "linear.json", {"linear.json": linear}, dict(card), dict(metrics), None, None, np.empty(0))
        also = {"interest_linear": form}
        return Trained("xgboost", "model.ubj", {"model.ubj": trees}, card, metrics, None, None, np.empty(0), also=also)

    def evaluate(self, context: TrainingContext, scorer: Scorer | None) -> list[Finding]:
        """Nothing yet."""
        return []


TASK = InterestTask()
