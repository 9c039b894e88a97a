"""The sequence candidates, trained alike and compared on validation; the article's network stays unless another is better."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_onnx.judges import AucJudge
from models_onnx.purchase_intent.network import ARTICLES_FORM, NETWORKS
from models_onnx.purchase_intent.training import EpochReport, Examples, TrainedNetwork, TrainingSettings, predict, train_network

RULE = (
    "the article's CNN-LSTM, unless another candidate's gain in validation AUC over it is beyond noise (paired 95 % bootstrap "
    "interval by user above 0); of several such, the one with the highest validation AUC"
)

OnEpoch = Callable[[str, EpochReport], None]
"""Told the form and the epoch."""


@dataclass(frozen=True)
class Candidates:
    """Every form trained with one seed, and which of them is taken."""

    trained: Mapping[str, TrainedNetwork]
    validation_scores: Mapping[str, NDArray[np.float32]]
    gains: Mapping[str, tuple[float, float, float]]
    """Gain in validation AUC over the article's network, with its 95 % interval; of the others."""
    chosen: str

    def card(self) -> dict[str, Any]:
        """For cards: {form: layers, best epoch, gain over the article's network}."""
        lines: dict[str, Any] = {}
        for form, trained in self.trained.items():
            lines[form] = {"network": trained.network.described, "best_epoch": trained.best_epoch}
            if form in self.gains:
                gain, lower, upper = self.gains[form]
                lines[form]["validation_auc_gain"] = {"mean": gain, "interval_95": [lower, upper]}
        return lines

    def curves(self) -> list[dict[str, float]]:
        """Loss, accuracy and AUC by epoch: of the chosen form under their own names, of the others with the form before them."""
        lines: list[dict[str, float]] = []
        for form in sorted(self.trained, key=lambda form: form != self.chosen):
            before = "" if form == self.chosen else f"{form} "
            for report in self.trained[form].curves:
                numbers = vars(report)
                lines.append({"epoch": numbers["epoch"]} | {before + key: numbers[key] for key in numbers if key != "epoch"})
        return lines


def fit_candidates(
    train: Examples,
    validation: Examples,
    groups: NDArray[np.int64],
    seed: int,
    on_epoch: OnEpoch | None = None,
    settings: TrainingSettings | None = None,
    forms: Sequence[str] = tuple(NETWORKS),
) -> Candidates:
    """Train each of `forms` with `seed` and choose by RULE. `groups` [N]: the validation rows' users.

    Raises ValueError as `train_network` does, and when the article's form is not among `forms`.
    """
    if ARTICLES_FORM not in forms:
        raise ValueError(f"forms must hold {ARTICLES_FORM}, against which the others are judged")
    trained = {
        form: train_once(train, validation, seed, form, settings, None if on_epoch is None else _of(form, on_epoch))
        for form in forms
    }
    scores = {form: predict(one.network, validation.tokens) for form, one in trained.items()}
    judge = AucJudge(validation.labels, groups)
    gains = {form: judge.gain(scores[form], scores[ARTICLES_FORM]) for form in forms if form != ARTICLES_FORM}
    return Candidates(trained, scores, gains, choose(gains))


def choose(gains: Mapping[str, tuple[float, float, float]]) -> str:
    """RULE, over the gains of the others: (mean, lower, upper) each."""
    better = {form: gain for form, (gain, lower, _) in gains.items() if lower > 0}
    return max(better, key=lambda form: better[form], default=ARTICLES_FORM)


def train_once(
    train: Examples,
    validation: Examples,
    seed: int,
    form: str,
    settings: TrainingSettings | None = None,
    on_epoch: Callable[[EpochReport], None] | None = None,
) -> TrainedNetwork:
    """`train_network`, remembered: the same rows, seed, form and settings are trained once in a process.

    Two tasks of one `promo train` learn from the same networks, and training is a pure function of these arguments.
    """
    settings = settings or TrainingSettings()
    key = (_fingerprint(train), _fingerprint(validation), seed, form, settings)
    known = _remembered()
    if key not in known:
        known[key] = train_network(train, validation, seed, on_epoch, settings, form)
    return known[key]


@cache
def _remembered() -> dict[Any, TrainedNetwork]:
    return {}


def _fingerprint(examples: Examples) -> bytes:
    digest = hashlib.sha256(np.ascontiguousarray(examples.tokens).tobytes())
    digest.update(np.ascontiguousarray(examples.labels).tobytes())
    return digest.digest()


def _of(form: str, on_epoch: OnEpoch) -> Callable[[EpochReport], None]:
    return lambda report: on_epoch(form, report)
