"""A task that is a mere declaration: which rows, which features, which rules to beat. Its training is `fit_tabular`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from models_onnx.curves import card_curves, epoch_points, merged
from models_onnx.drift import profile
from models_onnx.evaluation import binary_metrics
from models_onnx.tabular.examples import MOST_TRAINING_ROWS, Part, Parts, read_parts
from models_onnx.tabular.fit import JUDGES, TabularSettings, fit_tabular, scores_of
from models_onnx.tabular.rule import RULE_FILE, fitted_rule
from models_onnx.task import Finding, Trained, TrainingContext, why_not_scored
from models_onnx.time_split import TimeSplit, check_labels
from udfs.scorer import Scorer

Rule = Callable[[Part], NDArray[Any]]
BaselinesHook = Callable[[Parts, int], dict[str, dict[str, NDArray[Any]]]]
"""(parts by name: train, validation, test; seed) -> {baseline: {"validation": scores, "test": scores}}, for baselines that
learn (a logistic regression on two columns, BG/NBD ...).
"""

_RANKING = ("rows", "base_rate", "auc", "average_precision")


@dataclass(frozen=True)
class TabularTask:
    """A Task over rows of `examples_sql` (see `tabular/examples.read_part`)."""

    name: str
    title: str
    horizon_days: int
    feature_models: list[str]
    features_var: str | list[str]
    """The dbt var that lists the features in their order, or the list itself."""
    examples_sql: str
    rules: Mapping[str, Rule]
    """Baselines that learn nothing: {"rule: personal rate": part -> scores [N]}; any order will do, probabilities or not."""
    split: Callable[..., TimeSplit]
    """(first_day, data_until[, dates]) -> TimeSplit; raises ThinData."""
    settings: TabularSettings = field(default_factory=TabularSettings)
    baselines_hook: BaselinesHook | None = None
    measure: str = "auc"
    """What the gate judges by, auc or average_precision; it chooses among the candidates too."""
    rule_feature: str | None = None
    """Feature of the rule that serves where data are too thin (`rule.json` is written beside the model)."""
    dates: Callable[[duckdb.DuckDBPyConnection], list[date]] | None = None
    """Where as-of dates are not laid out back from the end of the data; see `models_onnx/task.py`."""
    most_training_rows: int = MOST_TRAINING_ROWS

    def train(self, context: TrainingContext) -> Trained:
        """Fit, compare with the baselines, measure. Raises ThinData, or ValueError when rows and features disagree."""
        names = self._names(context)
        parts = self.parts(context)
        train, validation, test = parts["train"], parts["validation"], parts["test"]
        check_labels(train.labels, validation.labels, test.labels)
        model = fit_tabular(
            train,
            validation,
            names,
            context.seed,
            replace(self.settings, measure=self.measure),
            lambda done, total: context.progress("trees", done, total),
        )
        context.progress("measuring", 0, None)
        windows = {name: parts[name] for name in ("validation", "test")}
        scores = {name: model.predict(part.features) for name, part in windows.items()}
        judge = JUDGES[self.measure](test.labels, test.groups)
        metrics: dict[str, dict[str, dict[str, Any]]] = {
            self.name: {name: binary_metrics(part.labels, scores[name]) for name, part in windows.items()}
        }
        metrics[self.name]["test"][f"{self.measure}_interval_95"] = list(judge.interval(scores["test"]))
        for candidate, predict in model.candidates.items():
            if candidate != model.card["candidate"]:
                metrics[f"candidate: {candidate}"] = {
                    name: binary_metrics(part.labels, predict(part.features)) for name, part in windows.items()
                }
        baselines = self._baselines(parts, context.seed)
        for name, found in baselines.items():
            metrics[name] = {window: rule_metrics(windows[window].labels, found[window]) for window in windows}
        files = dict(model.files)
        if self.rule_feature:
            files[RULE_FILE] = fitted_rule(train.features, train.labels, names, self.rule_feature)
        return Trained(
            kind=model.kind,
            file=model.file,
            files=files,
            card={
                "task": self.title,
                "horizon_days": self.horizon_days,
                "features": names,
                "split": split_card(context.split, {name: len(part.labels) for name, part in parts.items()}),
                **model.card,
            },
            metrics=metrics,
            judge=judge,
            test_inputs=test.features,
            test_scores=scores["test"],
            baseline_scores={name: found["test"] for name, found in baselines.items()},
            curves={"epochs": epoch_points(model.rounds)}
            | merged(
                [
                    card_curves(validation.labels, scores["validation"], "validation"),
                    card_curves(test.labels, scores["test"], "test", {name: found["test"] for name, found in baselines.items()}),
                ]
            ),
            profile=profile(train.features, names, model.predict(train.features)),
        )

    def evaluate(self, context: TrainingContext, scorer: Scorer | None) -> list[Finding]:
        """AUC, average precision and calibration error of the champion on the test window, baselines beside them."""
        parts = self.parts(context)
        test = parts["test"]
        check_labels(parts["train"].labels, parts["validation"].labels, test.labels)
        baselines = self._baselines(parts, context.seed)
        note = why_not_scored(scorer, test.features.shape[1])
        scores = scores_of(scorer, test.features) if scorer is not None and not note else None
        findings = []
        for measure, judge_of in JUDGES.items():
            judge = judge_of(test.labels, test.groups)
            findings.append(
                Finding(
                    task=self.name,
                    measure=measure,
                    reached=float("nan") if scores is None else judge.value(scores),
                    interval=None if scores is None else judge.interval(scores),
                    baselines={name: judge.value(found["test"]) for name, found in baselines.items()},
                    rows=len(test.labels),
                    note=note,
                )
            )
        if scores is not None:
            error = float(binary_metrics(test.labels, scores)["ece"])
            findings.append(Finding(self.name, "ece", error, None, {}, len(test.labels), "lower is better"))
        return findings

    def parts(self, context: TrainingContext) -> Parts:
        """Rows of train (a sample of users where they are very many), validation and test."""
        return read_parts(context, self.examples_sql, self.most_training_rows)

    def _names(self, context: TrainingContext) -> list[str]:
        return list(self.features_var) if isinstance(self.features_var, list) else context.features(self.name, self.features_var)

    def _baselines(self, parts: Parts, seed: int) -> dict[str, dict[str, NDArray[Any]]]:
        windows = ("validation", "test")
        found = {name: {window: known_order(rule(parts[window])) for window in windows} for name, rule in self.rules.items()}
        if self.baselines_hook:
            learned = self.baselines_hook(parts, seed)
            found |= {name: {window: known_order(scores[window]) for window in windows} for name, scores in learned.items()}
        return found


def known_order(scores: NDArray[Any]) -> NDArray[np.float64]:
    """A rule's scores with the missing ones put last: below every other."""
    values = np.asarray(scores, dtype=np.float64)
    known = np.isfinite(values)
    lowest = float(values[known].min()) if known.any() else 0.0
    return np.where(known, values, lowest - 1.0)


def rule_metrics(labels: NDArray[Any], scores: NDArray[Any]) -> dict[str, Any]:
    """Measures of a rule on labels [N]: all of them where its scores are probabilities, else those of its order alone."""
    if scores.min() >= 0 and scores.max() <= 1:
        return binary_metrics(labels, scores)
    order = np.unique(scores, return_inverse=True)[1].reshape(-1)
    measured = binary_metrics(labels, order / max(float(order.max()), 1.0))
    return {name: measured[name] for name in _RANKING}


def split_card(split: TimeSplit, rows: Mapping[str, int]) -> dict[str, Any]:
    """The split as cards state it: first and last as-of date, how many, and the rows of each part."""
    return {
        name: {"first": min(dates), "last": max(dates), "as_of_dates": len(dates), "rows": rows[name]}
        for name, dates in (("train", split.train), ("validation", split.validation), ("test", split.test))
        if dates
    }
