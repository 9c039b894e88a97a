"""Rolling origin: each campaign is scored by a model of the campaigns that were over before it began, as it would have been.

A campaign's scores are moved to the level of the out-of-time scores of campaigns that were over by then (calibration in the
large): one number, learned before the campaign.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_onnx.calibration import shift_to
from models_onnx.redemption.recipe import MEMBERS, Fitted, Recipe, fit, mixed
from models_onnx.tabular.blend import best_weight
from models_onnx.tabular.examples import Part
from models_onnx.tabular.fit import JUDGES
from udfs.log_odds import sigmoid

FEWEST_POSITIVES = 20
"""Fewer redemptions among past campaigns are nothing to fit on, nor to calibrate by."""
FARTHEST_SHIFT = 3.0
"""Calibration moves scores by no more than this on the logit scale."""

Weights = dict[str, float]
OnFit = Callable[[int, int], None]


@dataclass(frozen=True)
class Walked:
    """Out-of-time logits of the rows [N] of a Part; NaN where a row's campaign was not tested."""

    logits: dict[str, NDArray[np.float64]]
    """{member: [N]}, before calibration."""
    tested: NDArray[np.bool_]
    fits: int

    def scores(self, part: Part, weights: Weights) -> NDArray[np.float64]:
        """Calibrated probabilities [N] of the blend with `weights`; NaN where not tested."""
        logits = mixed(self.logits, weights)
        scores = np.full(len(logits), np.nan)
        days = part.columns["as_of_date"]
        for day in np.unique(days[self.tested]):
            rows = self.tested & (days == day)
            scores[rows] = sigmoid(logits[rows] + self.shift(part, weights, day))
        return scores

    def shift(self, part: Part, weights: Weights, day: Any) -> float:
        """Calibration on `day`: by the tested rows of campaigns that were over; 0 with fewer than 20 redemptions."""
        known = self.tested & (part.columns["ends_on"] <= day)
        positives = float(part.labels[known].sum())
        if positives < FEWEST_POSITIVES or positives == known.sum():
            return 0.0
        return shift_to(positives / float(known.sum()), mixed(self.logits, weights)[known], FARTHEST_SHIFT)


def walk(part: Part, days: list[date], recipe: Recipe, seed: int, on_fit: OnFit | None = None) -> Walked:
    """Score the campaigns that begin on `days`. `part` needs the columns as_of_date (the start) and ends_on.

    Days on which the campaigns that were over hold fewer than 20 redemptions are not tested.
    """
    logits = {name: np.full(len(part.labels), np.nan) for name in MEMBERS}
    tested = np.zeros(len(part.labels), dtype=np.bool_)
    # Campaigns that were over on one day are over on the next: their number of rows tells the fits apart.
    fitted: dict[int, Fitted] = {}
    for number, day in enumerate(sorted(days)):
        rows = part.columns["as_of_date"] == np.datetime64(day)
        past = over_by(part, day)
        key = int(past.sum())
        if part.labels[past].sum() < FEWEST_POSITIVES or not rows.any():
            continue
        if key not in fitted:
            fitted[key] = fit(part.features[past], part.labels[past], recipe, seed)
        for name, values in fitted[key].logits(part.features[rows]).items():
            logits[name][rows] = values
        tested |= rows
        if on_fit:
            on_fit(number + 1, len(days))
    return Walked(logits, tested, len(fitted))


def over_by(part: Part, day: date) -> NDArray[np.bool_]:
    """Mask [N] of the rows whose campaign was over on `day`."""
    return np.asarray(part.columns["ends_on"] <= np.datetime64(day), dtype=np.bool_)


def choose(part: Part, walked: Walked, rows: NDArray[np.bool_], measure: str) -> tuple[Weights, dict[str, Any]]:
    """The better member by `measure` on the validation rows [N], or the blend where its gain is beyond noise (95 %, by user).

    Returns the weights and the card's entry on the choice. Raises ValueError when the rows hold one class.
    """
    judge = JUDGES[measure](part.labels[rows], part.groups[rows])
    alone = {name: sigmoid(walked.logits[name][rows]) for name in MEMBERS}
    reached = {name: judge.value(scores) for name, scores in alone.items()}
    best = max(MEMBERS, key=lambda name: reached[name])
    first, second = MEMBERS
    weight = best_weight(part.labels[rows], alone[first], alone[second])
    weights = {first: weight, second: round(1 - weight, 1)}
    blend = sigmoid(mixed(walked.logits, weights)[rows])
    mean, lower, upper = judge.gain(blend, alone[best])
    chosen: Weights = weights if lower > 0 else {best: 1.0}
    card = {
        "candidate": "blend" if lower > 0 else best,
        "candidates": {name: {measure: value} for name, value in reached.items()} | {"blend": {measure: judge.value(blend)}},
        "blend_gain_on_validation": {"mean": mean, "interval_95": [lower, upper]},
        "weights": chosen,
    }
    return chosen, card
