"""The task purchase_intent: any purchase in the week to come, by the article's network over a user's newest events."""

from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_onnx.curves import card_curves, merged
from models_onnx.drift import profile
from models_onnx.evaluation import auc, binary_metrics
from models_onnx.judges import AucJudge
from models_onnx.purchase_intent.baselines import intent_baselines
from models_onnx.purchase_intent.candidates import RULE, Candidates, fit_candidates, train_once
from models_onnx.purchase_intent.examples import FEATURE_MODELS, WINDOWS, IntentPart, read_parts, window_names
from models_onnx.purchase_intent.export import export_onnx
from models_onnx.purchase_intent.findings import intent_findings
from models_onnx.purchase_intent.network import SEQUENCE_LENGTH
from models_onnx.purchase_intent.training import TrainingSettings, predict
from models_onnx.tabular.fit import scores_of
from models_onnx.tabular.rule import RULE_FILE, fitted_token_rule
from models_onnx.tabular.task import split_card
from models_onnx.task import Finding, Trained, TrainingContext
from models_onnx.time_split import TimeSplit, check_labels, weekly_split
from udfs.scorer import Scorer
from udfs.scorer_kinds import scorer_from

MODEL_FILE = "model.onnx"

SEQUENCE_WORDS = (
    "one token a user × local day × event kind, the newest 50, oldest first, zeros before; word = event kind | days before the "
    "as-of date (1 … 14, then classes up to 17, 21, 24, 28, 35, 42, 49, 56, 70, 84, 112, 140, 182, older); "
    "token = first 8 hex digits of md5(word) % 9999 + 1"
)

OTHER_SCHEMES = {
    "top category of the day alone": (0.8017, 0.7838),
    "gap to the previous event day": (0.8164, 0.8067),
    "gap to previous × gap to as-of × spend": (0.8213, 0.8174),
    "gap to previous × gap to as-of": (0.8248, 0.8216),
    "gap to as-of × weekday": (0.8259, 0.8233),
    "gap to as-of × discount used": (0.8269, 0.8247),
    "gap to as-of × spend": (0.8270, 0.8241),
    "gap to as-of, unpadded convolution": (0.8266, 0.8240),
}
"""AUC on validation and test that other schemes reached when this one was chosen (seed 1, Complete Journey)."""


@dataclass(frozen=True)
class PurchaseIntentTask:
    """CNN, RNN, LSTM, GRU and CNN-LSTM over the newest 50 events, compared on validation; one of them serves."""

    name: str = "purchase_intent"
    title: str = "any purchase in the 7 days from the as-of date on, for users seen buying before"
    horizon_days: int = 7
    feature_models: list[str] = field(default_factory=lambda: list(FEATURE_MODELS))
    settings: TrainingSettings = field(default_factory=TrainingSettings)
    spread_seeds: int = 3
    """The chosen form is trained with so many seeds in all, the first of which stays: they show how far luck goes."""

    def split(self, first_day: date, data_until: date, dates: list[date] | None = None) -> TimeSplit:
        """Weekly as-of dates. Raises ThinData."""
        return weekly_split(first_day, data_until, self.horizon_days)

    def train(self, context: TrainingContext) -> Trained:
        """All candidates with the context's seed, then the chosen one with further seeds. Raises ThinData, ValueError."""
        parts = read_parts(context.connection, context.split, window_names(context.dbt_vars))
        check_labels(*(part.labels for part in parts.values()))
        candidates = candidates_of(parts, context, self.settings)
        content = export_onnx(candidates.trained[candidates.chosen].network)
        scorer = scorer_from(self.name, "onnx", content)
        scores = {name: scores_of(scorer, part.examples.tokens) for name, part in parts.items()}
        context.progress("measuring", 0, None)
        judge = AucJudge(parts["test"].labels, parts["test"].groups)
        baselines = intent_baselines(parts)
        metrics = self._metrics(parts, candidates, scores, baselines)
        metrics[self.name]["test"]["auc_interval_95"] = list(judge.interval(scores["test"]))
        return Trained(
            kind="onnx",
            file=MODEL_FILE,
            files={MODEL_FILE: content, RULE_FILE: fitted_token_rule(parts["train"].examples.tokens, parts["train"].labels)},
            card={
                "task": self.title,
                "horizon_days": self.horizon_days,
                "network": candidates.trained[candidates.chosen].network.described,
                "form": candidates.chosen,
                "chosen_by": RULE,
                "candidates": candidates.card(),
                "token_scheme": SEQUENCE_WORDS,
                "split": split_card(context.split, {name: len(part.labels) for name, part in parts.items()}),
                "settings": asdict(self.settings),
                "best_epoch": candidates.trained[candidates.chosen].best_epoch,
                "auc_by_seed": self._auc_by_seed(parts, candidates.chosen, context),
                "other_token_schemes_auc_validation_test": OTHER_SCHEMES,
            },
            metrics=metrics,
            judge=judge,
            test_inputs=parts["test"].examples.tokens,
            test_scores=scores["test"],
            baseline_scores={name: found["test"] for name, found in baselines.items()},
            curves=merged(
                [
                    {"epochs": candidates.curves()},
                    card_curves(parts["validation"].labels, scores["validation"], "validation"),
                    card_curves(
                        parts["test"].labels, scores["test"], "test", {name: found["test"] for name, found in baselines.items()}
                    ),
                ]
            ),
            # Tokens are hashes: what drifts can be seen in the score alone.
            profile=profile(np.empty((len(scores["train"]), 0)), [], scores["train"]),
        )

    def evaluate(self, context: TrainingContext, scorer: Scorer | None) -> list[Finding]:
        """AUC, average precision and calibration error of the champion on the test window, baselines beside them."""
        parts = read_parts(context.connection, context.split, window_names(context.dbt_vars))
        check_labels(*(part.labels for part in parts.values()))
        return intent_findings(self.name, parts, scorer, parts["test"].examples.tokens, SEQUENCE_LENGTH)

    def _metrics(
        self,
        parts: dict[str, IntentPart],
        candidates: Candidates,
        scores: dict[str, NDArray[np.float32]],
        baselines: dict[str, dict[str, Any]],
    ) -> dict[str, dict[str, dict[str, Any]]]:
        of_models: dict[str, dict[str, NDArray[Any]]] = {self.name: {name: scores[name] for name in WINDOWS}}
        for form, trained in candidates.trained.items():
            if form != candidates.chosen:
                of_models[f"candidate: {form}"] = {
                    name: predict(trained.network, parts[name].examples.tokens) for name in WINDOWS
                }
        return {
            name: {window: binary_metrics(parts[window].labels, found[window]) for window in WINDOWS}
            for name, found in (of_models | baselines).items()
        }

    def _auc_by_seed(self, parts: dict[str, IntentPart], form: str, context: TrainingContext) -> dict[str, dict[str, float]]:
        found = {}
        for number in range(self.spread_seeds):
            context.progress(f"seed {context.seed + number}", number, self.spread_seeds)
            trained = train_once(
                parts["train"].examples, parts["validation"].examples, context.seed + number, form, self.settings
            )
            found[str(context.seed + number)] = {
                name: auc(parts[name].labels, predict(trained.network, parts[name].examples.tokens)) for name in WINDOWS
            }
        return found


def candidates_of(parts: dict[str, IntentPart], context: TrainingContext, settings: TrainingSettings) -> Candidates:
    """The candidates on these parts, with the progress told."""
    return fit_candidates(
        parts["train"].examples,
        parts["validation"].examples,
        parts["validation"].groups,
        context.seed,
        lambda form, epoch: context.progress(f"{form}: validation AUC {epoch.validation_auc:.4f}", epoch.epoch, settings.epochs),
        settings,
    )


TASK = PurchaseIntentTask()
