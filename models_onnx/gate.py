"""The gate: a new model serves only if it beats what serves now, and every baseline, beyond noise on the test window."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_onnx.task import Judge, Trained
from udfs.scorer import Scorer


@dataclass(frozen=True)
class Comparison:
    """How much the new model gains on one other, on the same test rows; [lower, upper] is the paired 95 % interval."""

    other: str
    reached: float
    gain: float
    lower: float
    upper: float

    @property
    def is_won(self) -> bool:
        """True when the gain is beyond noise."""
        return self.lower > 0

    def told(self, measure: str) -> str:
        """In words, with figures."""
        interval = f"{self.lower:+.4f} to {self.upper:+.4f}"
        return f"{measure} {self.gain:+.4f} ({interval}) against {self.other}"


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a trained model."""

    serves: bool
    reason: str
    """Why, one line for people."""
    measure: str | None
    reached: float | None
    interval: tuple[float, float] | None
    comparisons: list[Comparison]
    """The champion (when it can be compared), then the baselines."""

    @property
    def best_baseline(self) -> Comparison | None:
        """The highest of the baselines."""
        return _best_baseline(self.comparisons)


CHAMPION = "the champion"


def decide(name: str, trained: Trained, champion: Scorer | None, why_not_compared: str | None = None) -> Verdict:
    """The verdict on `trained`; `champion` is what serves under `name`, None when nothing that can be compared does.

    A champion that can't score the test rows (another feature vector: `why_not_compared`, or found out here) doesn't count;
    the baselines then decide alone, and the reason says so. A model without a judge serves unless its training refused it.
    """
    judge = trained.judge
    if judge is None:
        reason = trained.refusal or "its own checks passed"
        return Verdict(trained.refusal is None, reason, None, None, None, [])
    reached, interval = judge.value(trained.test_scores), judge.interval(trained.test_scores)
    comparisons = []
    if champion is not None:
        try:
            scores = _scored(champion, trained.test_inputs)
        except _Unlike as unlike:
            why_not_compared = str(unlike)
        else:
            comparisons.append(_compare(judge, CHAMPION, trained.test_scores, scores))
    comparisons += [_compare(judge, other, trained.test_scores, scores) for other, scores in trained.baseline_scores.items()]
    aside = f"; the champion can't be compared ({why_not_compared})" if why_not_compared else ""
    lost = [one for one in comparisons if not one.is_won]
    if trained.refusal is not None:
        return Verdict(False, trained.refusal + _stays(comparisons), judge.measure, reached, interval, comparisons)
    if lost:
        worst = min(lost, key=lambda one: one.lower)
        reason = f"not beyond noise: {worst.told(judge.measure)}{aside}{_stays(comparisons)}"
    elif comparisons:
        closest = min(comparisons, key=lambda one: one.lower)
        reason = f"beyond noise: {closest.told(judge.measure)} at the least{aside}"
    else:
        reason = f"there is nothing to compare it with{aside}"
    return Verdict(not lost, reason, judge.measure, reached, interval, comparisons)


def _stays(comparisons: list[Comparison]) -> str:
    """What the champion reaches that serves on, and the best baseline where that is more; "" when it wasn't compared."""
    champion = next((one for one in comparisons if one.other == CHAMPION), None)
    if champion is None:
        return ""
    return f"; the champion stays, at {champion.reached:.4f}{below_baseline(champion.reached, comparisons)}"


def below_baseline(reached: float | None, comparisons: list[Comparison]) -> str:
    """Which baseline reaches more than `reached`, in words to go on with; "" when none does, or nothing was compared."""
    best = _best_baseline(comparisons)
    return "" if best is None or reached is None or best.reached <= reached else f", below {best.other} ({best.reached:.4f})"


def _best_baseline(comparisons: list[Comparison]) -> Comparison | None:
    return max((one for one in comparisons if one.other != CHAMPION), key=lambda one: one.reached, default=None)


class _Unlike(Exception):  # noqa: N818 - no error: a champion of another shape
    """Why a champion can't score the rows."""


def _scored(champion: Scorer, inputs: Any) -> NDArray[Any]:
    expected = getattr(champion, "feature_count", None)
    width = inputs.shape[1] if isinstance(inputs, np.ndarray) and inputs.ndim == 2 else None
    if expected is not None and width is not None and expected != width:
        raise _Unlike(f"it reads {expected} values a row, the new one {width}")
    try:
        if not isinstance(inputs, np.ndarray):
            return np.asarray(champion.score(inputs))
        pieces = [champion.score(inputs[start : start + 65_536]) for start in range(0, len(inputs), 65_536)]
        return np.concatenate(pieces)
    except Exception as error:  # whatever onnxruntime or xgboost raise for another shape
        raise _Unlike((str(error).splitlines() or [type(error).__name__])[0]) from error


def _compare(judge: Judge, other: str, new: NDArray[Any], old: NDArray[Any]) -> Comparison:
    gain, lower, upper = judge.gain(new, old)
    return Comparison(other, judge.value(old), gain, lower, upper)
