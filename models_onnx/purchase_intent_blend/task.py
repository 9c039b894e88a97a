"""The task purchase_intent_blend: any purchase in the week to come, by the network over events and learners over windows."""

from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_onnx.curves import card_curves, merged
from models_onnx.drift import profile
from models_onnx.evaluation import binary_metrics
from models_onnx.judges import AucJudge
from models_onnx.purchase_intent.baselines import intent_baselines
from models_onnx.purchase_intent.examples import FEATURE_MODELS, WINDOWS, IntentPart, read_parts, window_names
from models_onnx.purchase_intent.export import export_onnx
from models_onnx.purchase_intent.findings import intent_findings
from models_onnx.purchase_intent.network import SEQUENCE_LENGTH
from models_onnx.purchase_intent.task import candidates_of
from models_onnx.purchase_intent.training import TrainingSettings
from models_onnx.purchase_intent_blend.members import RULE, choose_members
from models_onnx.tabular.blend import BLEND_FILE, Member, blend_json, blended, platt
from models_onnx.tabular.fit import TabularSettings, fit_boosted, scores_of
from models_onnx.tabular.logistic import fit_logistic, logistic_onnx
from models_onnx.tabular.rule import RULE_FILE, fitted_rule
from models_onnx.tabular.task import split_card
from models_onnx.task import Finding, Trained, TrainingContext
from models_onnx.time_split import TimeSplit, check_labels, weekly_split
from udfs.scorer import Scorer
from udfs.scorer_kinds import scorer_from

NETWORK = "network"
FILES = {NETWORK: "network.onnx", "xgboost": "trees.ubj", "logistic": "logistic.onnx"}
KINDS = {NETWORK: "onnx", "xgboost": "xgboost", "logistic": "onnx_features"}
TOKENS, WINDOW_FEATURES = 0, 1
"""Arguments of purchase_intent_blend(tokens, windows)."""
RULE_FEATURE = "visit_rate_28d"


@dataclass(frozen=True)
class PurchaseIntentBlendTask:
    """The network of purchase_intent, boosted trees and logistic regression on windows: the best of them, or their blend."""

    name: str = "purchase_intent_blend"
    title: str = "any purchase in the 7 days from the as-of date on, for users seen buying before"
    horizon_days: int = 7
    feature_models: list[str] = field(default_factory=lambda: list(FEATURE_MODELS))
    network_settings: TrainingSettings = field(default_factory=TrainingSettings)
    settings: TabularSettings = field(
        default_factory=lambda: TabularSettings(
            max_depth=4, eta=0.03, colsample_bytree=0.5, min_child_weight=50, rounds=1000, patience=40
        )
    )

    def split(self, first_day: date, data_until: date, dates: list[date] | None = None) -> TimeSplit:
        """Weekly as-of dates. Raises ThinData."""
        return weekly_split(first_day, data_until, self.horizon_days)

    def train(self, context: TrainingContext) -> Trained:
        """Fit the members, weigh and calibrate them on validation. Raises ThinData, ValueError."""
        names = window_names(context.dbt_vars)
        parts = read_parts(context.connection, context.split, names)
        check_labels(*(part.labels for part in parts.values()))
        candidates = candidates_of(parts, context, self.network_settings)
        contents = {NETWORK: export_onnx(candidates.trained[candidates.chosen].network)}
        train, validation = parts["train"].windows, parts["validation"].windows
        booster, rounds = fit_boosted(
            train, validation, names, context.seed, self.settings, lambda done, total: context.progress("trees", done, total)
        )
        contents["xgboost"] = bytes(booster.save_raw("ubj"))
        contents["logistic"] = logistic_onnx(fit_logistic(train.features, train.labels, self.settings.strength))
        context.progress("measuring", 0, None)
        members = {name: scorer_from(name, KINDS[name], content) for name, content in contents.items()}
        scores = {
            window: {name: scores_of(scorer, _inputs(parts[window], name)) for name, scorer in members.items()}
            for window in WINDOWS
        }
        weights, gain, single = choose_members(
            validation.labels, scores["validation"], AucJudge(validation.labels, validation.groups)
        )
        slope, intercept = platt(validation.labels, _mixed(scores["validation"], weights))
        files = _files(contents, weights, names, slope, intercept)
        model = scorer_from(self.name, "blend", files[BLEND_FILE], files)
        reached = {window: scores_of(model, blend_inputs(part)) for window, part in parts.items()}
        judge = AucJudge(parts["test"].labels, parts["test"].groups)
        baselines = intent_baselines(parts)
        metrics = self._metrics(parts, reached, scores, baselines)
        metrics[self.name]["test"]["auc_interval_95"] = list(judge.interval(reached["test"]))
        compared = {name: found["test"] for name, found in baselines.items()}
        return Trained(
            kind="blend",
            file=BLEND_FILE,
            files=files | {RULE_FILE: fitted_rule(train.features, train.labels, names, RULE_FEATURE, WINDOW_FEATURES)},
            card={
                "task": self.title,
                "horizon_days": self.horizon_days,
                "features": names,
                "weights": weights,
                "chosen_by": RULE,
                "best_member": single,
                "blend_gain_on_validation": {"mean": gain[0], "interval_95": gain[1:]},
                "calibration": {
                    "slope": slope,
                    "intercept": intercept,
                    "method": "Platt on validation" if slope != 1 else "none",
                },
                "network": candidates.trained[candidates.chosen].network.described,
                "split": split_card(context.split, {name: len(part.labels) for name, part in parts.items()}),
                "settings": asdict(self.settings)
                | {"monotone": dict(self.settings.monotone), "trees": booster.num_boosted_rounds()},
            },
            metrics=metrics,
            judge=judge,
            test_inputs=blend_inputs(parts["test"]),
            test_scores=reached["test"],
            # Where the network's own say is nil, the champion has to beat the network, too.
            baseline_scores=compared | ({} if weights[NETWORK] else {"the network": scores["test"][NETWORK]}),
            curves=merged(
                [
                    {"epochs": rounds},
                    card_curves(validation.labels, reached["validation"], "validation"),
                    card_curves(parts["test"].labels, reached["test"], "test", compared),
                ]
            ),
            profile=profile(train.features, names, reached["train"]),
        )

    def evaluate(self, context: TrainingContext, scorer: Scorer | None) -> list[Finding]:
        """AUC, average precision and calibration error of the champion on the test window, baselines beside them."""
        names = window_names(context.dbt_vars)
        parts = read_parts(context.connection, context.split, names)
        check_labels(*(part.labels for part in parts.values()))
        return intent_findings(self.name, parts, scorer, blend_inputs(parts["test"]), SEQUENCE_LENGTH + len(names))

    def _metrics(
        self,
        parts: dict[str, IntentPart],
        reached: dict[str, NDArray[np.float32]],
        members: dict[str, dict[str, NDArray[np.float32]]],
        baselines: dict[str, dict[str, Any]],
    ) -> dict[str, dict[str, dict[str, Any]]]:
        of_models: dict[str, dict[str, Any]] = {self.name: {window: reached[window] for window in WINDOWS}}
        for name in FILES:
            of_models[f"member: {name}"] = {window: members[window][name] for window in WINDOWS}
        return {
            name: {window: binary_metrics(parts[window].labels, found[window]) for window in WINDOWS}
            for name, found in (of_models | baselines).items()
        }


def blend_inputs(part: IntentPart) -> NDArray[np.float32]:
    """The dense batch of purchase_intent_blend(tokens, windows): both side by side, [N, 50 + K] (see `udfs/blended.py`)."""
    return np.column_stack([part.examples.tokens.astype(np.float32), part.windows.features])


def _inputs(part: IntentPart, member: str) -> NDArray[Any]:
    return part.examples.tokens if member == NETWORK else part.windows.features


def _mixed(scores: dict[str, NDArray[np.float32]], weights: dict[str, float]) -> NDArray[np.float32]:
    return blended([scores[name] for name in weights], list(weights.values()))


def _files(
    contents: dict[str, bytes], weights: dict[str, float], names: list[str], slope: float, intercept: float
) -> dict[str, bytes]:
    """blend.json and the members that have a say. One of each argument's readers stays in any case, with weight 0: it says
    which rows can be scored.
    """
    kept = [name for name in FILES if weights[name] or name == NETWORK]
    if kept == [NETWORK]:
        kept.append("logistic")
    members = [
        Member(FILES[name], KINDS[name], contents[name], weights[name], TOKENS if name == NETWORK else WINDOW_FEATURES)
        for name in kept
    ]
    return {BLEND_FILE: blend_json(members, names, slope, intercept)} | {member.file: member.content for member in members}


TASK = PurchaseIntentBlendTask()
