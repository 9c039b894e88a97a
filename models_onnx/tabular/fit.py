"""Fits a table: logistic regression, boosted trees and their blend; validation rows choose among them and calibrate."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from models_onnx.evaluation import binary_metrics
from models_onnx.judges import AucJudge, AveragePrecisionJudge
from models_onnx.tabular.blend import BLEND_FILE, Member, best_weight, blend_json, blended, platt
from models_onnx.tabular.examples import Part
from models_onnx.tabular.logistic import fit_logistic, logistic_onnx
from udfs.scorer import Scorer
from udfs.scorer_kinds import scorer_from

JUDGES = {"auc": AucJudge, "average_precision": AveragePrecisionJudge}
CANDIDATES = ("logistic", "xgboost")
OnRound = Callable[[int, int], None]


@dataclass(frozen=True)
class TabularSettings:
    """Hyperparameters; chosen on validation windows. `rounds` is the most there may be, `patience` rounds without a better
    log-loss on validation end the growing. `monotone` forces a feature's effect up (1) or down (-1) in the trees. With
    `parallel_trees` a round grows so many trees on samples of their own and adds their mean: a model owes less to its seed, and
    scoring costs as many times more.
    """

    measure: str = "auc"
    """What chooses among the candidates: auc or average_precision."""
    candidates: tuple[str, ...] = CANDIDATES
    max_depth: int = 5
    eta: float = 0.05
    subsample: float = 0.8
    colsample_bytree: float = 0.8
    min_child_weight: float = 20
    parallel_trees: int = 1
    rounds: int = 600
    patience: int = 30
    strength: float = 1.0
    """C of the logistic regression."""
    threads: int = 2
    monotone: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class TabularModel:
    """The chosen model as files, and how it came about. `predict` runs the very scorer that serves."""

    kind: str
    file: str
    files: dict[str, bytes]
    card: dict[str, Any]
    """candidate, candidates (metrics on validation of each), settings, trees, calibration."""
    scorer: Scorer
    candidates: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]]
    """Every candidate that was fitted, uncalibrated, to show beside the chosen one."""
    rounds: list[dict[str, Any]]
    """Per round of boosting: epoch, train_loss, train_accuracy, validation_loss, validation_accuracy."""

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities [N] of the features [N, K], NaN where missing."""
        return scores_of(self.scorer, features)


def scores_of(scorer: Scorer, batch: NDArray[Any]) -> NDArray[np.float32]:
    """Scores [N] of a dense batch, in pieces that fit the memory."""
    pieces = [scorer.score(batch[start : start + 65_536]) for start in range(0, len(batch), 65_536)]
    return np.concatenate(pieces) if pieces else np.empty(0, dtype=np.float32)


def fit_tabular(
    train: Part,
    validation: Part,
    names: list[str],
    seed: int,
    settings: TabularSettings | None = None,
    on_round: OnRound | None = None,
) -> TabularModel:
    """Fit on `train`; choose, weigh and calibrate on `validation`. `names` are the K features in their order.

    Logistic regression and boosted trees are compared by `settings.measure`; their blend on the logit scale takes the
    place of the better one only where its gain is beyond noise (95 %, paired by user). Platt's calibration is added where
    it lowers the log-loss by more than chance. Equal inputs and seed give equal scores.
    Raises ValueError when the width isn't that of `names` or a part holds one class.
    """
    settings = settings or TabularSettings()
    for what, part in (("training", train), ("validation", validation)):
        if part.features.shape[1:] != (len(names),):
            raise ValueError(f"{what} rows have {part.features.shape[1]} features where {len(names)} are named")
        if len(np.unique(part.labels)) < 2:
            raise ValueError(f"the {what} rows hold one class only; there is nothing to learn")
    fitted, rounds, trees = _fit_candidates(train, validation, names, seed, settings, on_round)
    scorers = {name: scorer_from(name, kind, content) for name, (kind, content) in fitted.items()}
    scores = {name: scores_of(scorer, validation.features) for name, scorer in scorers.items()}
    judge = JUDGES[settings.measure](validation.labels, validation.groups)
    chosen = max(scores, key=lambda name: judge.value(scores[name]))
    members = {chosen: 1.0}
    gain: tuple[float, float, float] | None = None
    if len(scores) == 2:
        first, second = scores
        weight = best_weight(validation.labels, scores[first], scores[second])
        mixed = blended([scores[first], scores[second]], [weight, 1 - weight])
        gain = judge.gain(mixed, scores[chosen])
        scores["blend"] = mixed
        if gain[1] > 0:
            chosen, members = "blend", {first: weight, second: round(1 - weight, 1)}
    slope, intercept = platt(validation.labels, scores[chosen])
    kind, file, files = _files(fitted, members, names, slope, intercept)
    card = {
        "candidate": chosen,
        "candidates": {name: _validation_metrics(validation, score) for name, score in scores.items()},
        "blend_gain_on_validation": None if gain is None else {"mean": gain[0], "interval_95": gain[1:]},
        "weights": members,
        "calibration": {"slope": slope, "intercept": intercept, "method": "Platt on validation" if slope != 1 else "none"},
        "settings": asdict(settings) | {"monotone": dict(settings.monotone), "trees": trees},
    }
    return TabularModel(
        kind=kind,
        file=file,
        files=files,
        card=card,
        scorer=scorer_from("model", kind, files[file], files),
        candidates={name: _predictor(scorer) for name, scorer in scorers.items()},
        rounds=rounds,
    )


def _predictor(scorer: Scorer) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    return lambda features: scores_of(scorer, features)


def _fit_candidates(
    train: Part, validation: Part, names: list[str], seed: int, settings: TabularSettings, on_round: OnRound | None
) -> tuple[dict[str, tuple[str, bytes]], list[dict[str, Any]], int]:
    """{candidate: (kind, file content)}, the boosting's curve and its number of trees."""
    fitted: dict[str, tuple[str, bytes]] = {}
    rounds: list[dict[str, Any]] = []
    trees = 0
    if "logistic" in settings.candidates:
        model = fit_logistic(train.features, train.labels, settings.strength)
        fitted["logistic"] = ("onnx_features", logistic_onnx(model))
    if "xgboost" in settings.candidates:
        booster, rounds = fit_boosted(train, validation, names, seed, settings, on_round)
        trees = booster.num_boosted_rounds() * settings.parallel_trees
        fitted["xgboost"] = ("xgboost", bytes(booster.save_raw("ubj")))
    if not fitted:
        raise ValueError(f"candidates must be of {', '.join(CANDIDATES)}")
    return fitted, rounds, trees


def fit_boosted(
    train: Part, validation: Part, names: list[str], seed: int, settings: TabularSettings, on_round: OnRound | None = None
) -> tuple[xgboost.Booster, list[dict[str, Any]]]:
    """Boosted trees (Chen and Guestrin, 2016) up to the round with the best log-loss on validation, and the curve by round."""

    class Progress(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            if on_round:
                on_round(epoch + 1, settings.rounds)
            return False

    parameters = {
        "objective": "binary:logistic",
        "eval_metric": ["error", "logloss"],
        "tree_method": "hist",
        "max_depth": settings.max_depth,
        "eta": settings.eta,
        "subsample": settings.subsample,
        "colsample_bytree": settings.colsample_bytree,
        "min_child_weight": settings.min_child_weight,
        "num_parallel_tree": settings.parallel_trees,
        "nthread": settings.threads,
        "seed": seed,
    }
    if settings.monotone:
        directions = ",".join(str(settings.monotone.get(name, 0)) for name in names)
        parameters["monotone_constraints"] = f"({directions})"
    learned = xgboost.QuantileDMatrix(train.features, label=train.labels, nthread=settings.threads)
    checked = xgboost.QuantileDMatrix(validation.features, label=validation.labels, ref=learned, nthread=settings.threads)
    history: dict[str, dict[str, list[float]]] = {}
    booster = xgboost.train(
        parameters,
        learned,
        num_boost_round=settings.rounds,
        evals=[(learned, "train"), (checked, "validation")],
        early_stopping_rounds=settings.patience,
        evals_result=history,
        callbacks=[Progress()],
        verbose_eval=False,
    )
    curve = [
        {
            "epoch": index + 1,
            "train_loss": history["train"]["logloss"][index],
            "train_accuracy": 1 - history["train"]["error"][index],
            "validation_loss": history["validation"]["logloss"][index],
            "validation_accuracy": 1 - history["validation"]["error"][index],
        }
        for index in range(len(history["train"]["logloss"]))
    ]
    # Trees after the best round would only make the file longer: scoring leaves them out.
    return booster[: booster.best_iteration + 1], curve


def _files(
    fitted: dict[str, tuple[str, bytes]], members: dict[str, float], names: list[str], slope: float, intercept: float
) -> tuple[str, str, dict[str, bytes]]:
    """Kind, main file and all files of the chosen model; a lone member that needs no calibration stands by itself."""
    endings = {"onnx_features": "onnx", "xgboost": "ubj"}
    if len(members) == 1 and (slope, intercept) == (1.0, 0.0):
        kind, content = fitted[next(iter(members))]
        file = f"model.{endings[kind]}"
        return kind, file, {file: content}
    parts = [
        Member(f"{name}.{endings[fitted[name][0]]}", fitted[name][0], fitted[name][1], weight) for name, weight in members.items()
    ]
    content = blend_json(parts, names, slope, intercept)
    return "blend", BLEND_FILE, {BLEND_FILE: content} | {part.file: part.content for part in parts}


def _validation_metrics(validation: Part, scores: NDArray[np.float32]) -> dict[str, Any]:
    measured = binary_metrics(validation.labels, scores)
    return {name: measured[name] for name in ("auc", "average_precision", "log_loss", "brier", "ece")}
