"""The trial click_intent: does the sequence network beat boosted trees on windows where there are clicks?

Buys in the next 7 days, weekly as-of dates, users with at least 5 actions before. Network and trees are trained with several
seeds on the same rows; nothing is registered.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_onnx.click_intent.click_stream import click_stream_context
from models_onnx.judges import AucJudge, AveragePrecisionJudge
from models_onnx.purchase_intent.candidates import train_once
from models_onnx.purchase_intent.examples import IntentPart, read_parts, window_names
from models_onnx.purchase_intent.training import TrainingSettings, predict
from models_onnx.tabular.fit import TabularSettings, fit_boosted, scores_of
from models_onnx.tabular.logistic import fit_logistic, logistic_onnx
from models_onnx.task import Finding
from models_onnx.time_split import check_labels
from udfs.scorer_kinds import scorer_from

LEAST_ACTIONS = 5
WHO = f"labels.past_events >= {LEAST_ACTIONS}"
RECENCY_FREQUENCY = [
    "recency_days", "days_since_last_event", "visit_days_28d", "visit_days_112d", "event_days_28d", "events_28d",
]  # fmt: skip
"""Window features of the logistic baseline: how long ago and how often, of purchases and of other actions."""

Progress = Callable[[str, int, int | None], None]
Scores = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class ClickIntentTrial:
    """The article's network against xgboost and a logistic regression, on a file of user × brand actions."""

    name: str = "click_intent"
    title: str = "a purchase in the 7 days from the as-of date on, for users with at least 5 actions before"
    seeds: int = 5
    form: str = "cnn_lstm"
    # A twentieth of a grocery's rows: smaller batches, more epochs, more dropout. Chosen on the validation weeks.
    network: TrainingSettings = field(
        default_factory=lambda: TrainingSettings(
            epochs=20, patience=5, batch_size=128, learning_rate=1e-3, token_dropout=0.2, dropout=0.5
        )
    )
    trees: TabularSettings = field(default_factory=lambda: TabularSettings(max_depth=3, threads=1))

    def evaluate_file(self, path: Path, seed: int, progress: Progress) -> list[Finding]:
        """AUC and average precision on the test weeks, and whether the network beats the trees. ValueError, one line."""
        with click_stream_context(path, seed, progress) as context:
            parts = read_parts(context.connection, context.split, window_names(context.dbt_vars), WHO)
        return self.findings(parts, seed, progress)

    def findings(self, parts: dict[str, IntentPart], seed: int, progress: Progress) -> list[Finding]:
        """The findings on parts train, validation and test. Raises ThinData."""
        check_labels(*(part.labels for part in parts.values()))
        test = parts["test"]
        networks, trees = [], []
        for number in range(self.seeds):
            progress(f"seed {seed + number}", number, self.seeds)
            networks.append(self._network_scores(parts, seed + number))
            trees.append(self._tree_scores(parts, seed + number))
        others = {"logistic: recency × frequency": logistic_scores(parts), "rule: days with an action": rule_scores(test)}
        found = []
        for judge in (AucJudge(test.labels, test.groups), AveragePrecisionJudge(test.labels, test.groups)):
            about = f"{len(np.unique(test.groups))} users, base rate {test.labels.mean():.3f}"
            found += _compared(self.name, judge, networks, trees, others, about)
        return found

    def _network_scores(self, parts: dict[str, IntentPart], seed: int) -> Scores:
        trained = train_once(parts["train"].examples, parts["validation"].examples, seed, self.form, self.network)
        return predict(trained.network, parts["test"].examples.tokens)

    def _tree_scores(self, parts: dict[str, IntentPart], seed: int) -> Scores:
        booster, _ = fit_boosted(parts["train"].windows, parts["validation"].windows, parts["train"].names, seed, self.trees)
        scorer = scorer_from("trees", "xgboost", bytes(booster.save_raw("ubj")))
        return scores_of(scorer, parts["test"].windows.features)


def logistic_scores(parts: dict[str, IntentPart]) -> Scores:
    """Test scores [N] of a logistic regression on recency and frequency."""

    def chosen(part: IntentPart) -> NDArray[np.float32]:
        return np.column_stack([part.column(name) for name in RECENCY_FREQUENCY]).astype(np.float32)

    model = logistic_onnx(fit_logistic(chosen(parts["train"]), parts["train"].labels))
    return scores_of(scorer_from("logistic", "onnx_features", model), chosen(parts["test"]))


def rule_scores(part: IntentPart) -> Scores:
    """Days with a purchase or another action in the last 28, [N]: an order, no probability."""
    return part.column("visit_days_28d") + part.column("event_days_28d")


def _compared(
    name: str,
    judge: AucJudge | AveragePrecisionJudge,
    networks: list[Scores],
    trees: list[Scores],
    others: dict[str, Scores],
    about: str,
) -> list[Finding]:
    """Two findings of one measure: what the network reaches, and its gain over the trees, seed by seed."""
    reached = [judge.value(scores) for scores in networks]
    of_trees = [judge.value(scores) for scores in trees]
    gains = [judge.gain(new, old) for new, old in zip(networks, trees, strict=True)]
    middle = int(np.argsort(reached)[len(reached) // 2])
    middle_gain = sorted(gains)[len(gains) // 2]
    return [
        Finding(
            task=name,
            measure=judge.measure,
            reached=float(np.mean(reached)),
            interval=judge.interval(networks[middle]),
            baselines={"xgboost on windows": float(np.mean(of_trees))}
            | {other: judge.value(scores) for other, scores in others.items()},
            rows=len(judge.labels),
            note=(
                f"mean of {len(reached)} seeds ({min(reached):.4f} to {max(reached):.4f}; xgboost {min(of_trees):.4f} to "
                f"{max(of_trees):.4f}), interval of the middle one by user; {about}"
            ),
        ),
        Finding(
            task=name,
            measure=f"{judge.measure} gain over xgboost on windows",
            reached=float(np.mean([gain for gain, _, _ in gains])),
            interval=middle_gain[1:],
            baselines={},
            rows=len(judge.labels),
            note=_verdict(gains),
        ),
    ]


def _verdict(gains: list[tuple[float, float, float]]) -> str:
    """In words: the network wins or loses only where every seed's paired interval says so."""
    if all(lower > 0 for _, lower, _ in gains):
        return "the sequence network beats xgboost on windows with every seed, beyond noise"
    if all(upper < 0 for _, _, upper in gains):
        return "the sequence network does not beat xgboost on windows: it is worse with every seed, beyond noise"
    return "the sequence network does not beat xgboost on windows beyond noise"


TRIAL = ClickIntentTrial()
