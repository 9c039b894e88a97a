"""promo_effect: by how much a promotion raises the chance that a shopper buys a formerly bought product in the week.

What was promoted was nobody's lot: shops promote what sells, or what doesn't. So effects are estimated doubly robust, on rows
whose promotion was open, and the same is done for a promotion two weeks later, which can't have an effect yet (a placebo).
"""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_onnx.drift import profile
from models_onnx.evaluation import binary_metrics
from models_onnx.promo_effect.candidates import SETTINGS, UPLIFT_FILE, fit_candidates, uplift_files
from models_onnx.promo_effect.effects import LEAST_PROPENSITY, Effects, effects_of, fit_nuisance
from models_onnx.promo_effect.linear_form import LINEAR_FILE, fitted_linear_form
from models_onnx.promo_effect.placebo import Placebo, Window, try_placebo
from models_onnx.tabular.examples import MOST_TRAINING_ROWS, Part, Parts, read_parts
from models_onnx.tabular.fit import scores_of
from models_onnx.tabular.rule import RULE_FILE
from models_onnx.tabular.task import split_card
from models_onnx.task import Finding, Trained, TrainingContext, why_not_scored
from models_onnx.time_split import ThinData, TimeSplit, check_labels
from models_onnx.uplift.learners import Rows
from udfs.promo_effect import LinearEffectScorer
from udfs.scorer import Scorer

LINEAR = "promo_effect_linear"
INTEREST, RANDOM = "rule: interest only", "rule: random"
HISTORY_DAYS = 56
TEST_WEEKS, VALIDATION_WEEKS, GAP_WEEKS = 4, 3, 1
FEWEST_PROMOTED_SHARE = 0.01

_EXAMPLES = """
    select
        labels.as_of_date,
        labels.user_id,
        labels.is_bought as label,
        inputs.features,
        labels.is_promoted as treated,
        labels.is_promoted_later as treated_later,
        dense_rank() over (order by labels.product_id) as product
    from features.promo_effect_labels as labels
    inner join scores.promo_effect_inputs as inputs
        on labels.as_of_date = inputs.as_of_date
        and labels.user_id = inputs.user_id
        and labels.product_id = inputs.product_id
"""


@dataclass(frozen=True)
class PromoEffectTask:
    """S- and T-learners over everything but interest, which is known of few training dates; interest alone is to be beaten."""

    name: str = "promo_effect"
    title: str = "by how much promoting a formerly bought product raises the chance that a user who shops that week buys it"
    horizon_days: int = 7
    feature_models: tuple[str, ...] = ("promo_effect_features", "promo_effect_labels", "promo_effect_inputs")

    def split(self, first_day: date, data_until: date, dates: list[date] | None = None) -> TimeSplit:
        """Weeks back from `data_until`: 4 for test, 3 for validation, one left out, then the newest to train on.

        features/promo_effect_dates adds the older training weeks, of which no interest is computed.
        """
        weeks = [data_until - timedelta(days=7 * week) for week in range(1, TEST_WEEKS + VALIDATION_WEEKS + GAP_WEEKS + 2)]
        if weeks[-1] < first_day + timedelta(days=HISTORY_DAYS):
            raise ThinData(
                f"the shop's history is {(data_until - first_day).days} days long and training needs "
                f"{(data_until - weeks[-1]).days + HISTORY_DAYS}"
            )
        validation = weeks[TEST_WEEKS : TEST_WEEKS + VALIDATION_WEEKS]
        return TimeSplit(train=weeks[-1:], validation=sorted(validation), test=sorted(weeks[:TEST_WEEKS]))

    def train(self, context: TrainingContext) -> Trained:
        """Fit, compare, measure, try the placebo. Raises ThinData where too little was promoted."""
        names = feature_names(context)
        parts = self._parts(context)
        rows = {name: _rows(part) for name, part in parts.items()}
        validation, test = parts["validation"], parts["test"]
        context.progress("outcomes and propensities", 0, None)
        nuisance = fit_nuisance(rows["train"], rows["validation"], context.seed)
        effects = {name: effects_of(rows[name], _products(parts[name]), nuisance) for name in ("validation", "test")}
        context.progress("learners", 0, None)
        candidates = fit_candidates(rows["train"], rows["validation"], context.seed)
        reached = {
            name: {window: _autoc(effects[window], learner.effect(parts[window].features)) for window in effects}
            for name, learner in candidates.items()
        }
        best = max(candidates, key=lambda name: (reached[name]["validation"], name))
        chosen = candidates[best]
        context.progress("measuring", 0, None)
        scores = {window: chosen.effect(parts[window].features)[effects[window].open] for window in effects}
        judged = effects["test"]
        baselines = _baselines(test, judged, context.seed)
        on_test = _measured(judged, test, scores["test"])
        placebo = _placebo(parts, context.seed)
        if placebo is not None:
            on_test |= {
                "placebo_autoc": placebo.autoc,
                "placebo_autoc_interval_95": list(placebo.interval),
                "placebo_autoc_of_this_order": placebo.effects.judge.value(chosen.effect(placebo.features)),
                "placebo_mean_effect": placebo.effects.mean,
            }
        refusal = None
        if placebo is not None and placebo.interval[0] > 0:
            refusal = f"the method finds as much in a placebo: AUTOC {placebo.autoc:+.4f} of promotions two weeks later"
        metrics: dict[str, dict[str, dict[str, Any]]] = {
            self.name: {"validation": _measured(effects["validation"], validation, scores["validation"]), "test": on_test}
        }
        for name, windows in reached.items():
            if name != best:
                metrics[f"candidate: {name}"] = {window: {"autoc": value} for window, value in windows.items()}
        metrics |= {name: {"test": {"autoc": judged.judge.value(found)}} for name, found in baselines.items()}
        card = {
            "task": self.title,
            "horizon_days": self.horizon_days,
            "features": names,
            "split": split_card(context.split, {name: len(part.labels) for name, part in parts.items()}),
            "candidate": best,
            "settings": vars(SETTINGS) | {"propensities": [LEAST_PROPENSITY, 1 - LEAST_PROPENSITY]},
            "good_for": (
                "which of the products that a user bought before to promote. Promotions were not drawn by lot: what the features "
                "don't know of why a product was promoted is in the figures"
            ),
        }
        return Trained(
            kind="uplift",
            file=UPLIFT_FILE,
            files={**uplift_files(chosen.models), RULE_FILE: _rule(names, judged, test)},
            card=card,
            metrics=metrics,
            judge=judged.judge,
            test_inputs=test.features[judged.open],
            test_scores=scores["test"],
            baseline_scores=baselines,
            # Training rows have no interest, so drift is held against the validation window.
            profile=profile(validation.features, names, chosen.effect(validation.features)),
            refusal=refusal,
            also=self._linear(context, parts, names, card, judged),
        )

    def evaluate(self, context: TrainingContext, scorer: Scorer | None) -> list[Finding]:
        """AUTOC of the champion on open test rows beside interest alone and a random order, and on the placebo."""
        parts = self._parts(context)
        test = parts["test"]
        why = why_not_scored(scorer, test.features.shape[1])
        if scorer is None or why:
            return [Finding(self.name, "autoc", float("nan"), None, {}, len(test.labels), why)]
        nuisance = fit_nuisance(_rows(parts["train"]), _rows(parts["validation"]), context.seed)
        judged = effects_of(_rows(test), _products(test), nuisance)
        scores = scores_of(scorer, test.features[judged.open])
        baselines = _baselines(test, judged, context.seed)
        gain, lower, upper = judged.judge.gain(scores, baselines[INTEREST])
        findings = [
            Finding(
                self.name,
                "autoc",
                judged.judge.value(scores),
                judged.judge.interval(scores),
                {name: judged.judge.value(found) for name, found in baselines.items()},
                len(scores),
                f"{gain:+.4f} ({lower:+.4f} to {upper:+.4f}) on interest only; a promotion adds {judged.mean:.4f} on average",
            )
        ]
        placebo = _placebo(parts, context.seed)
        if placebo is not None:
            own = placebo.effects.judge.value(scores_of(scorer, placebo.features))
            findings.append(
                Finding(
                    self.name,
                    "autoc, placebo",
                    placebo.autoc,
                    placebo.interval,
                    {},
                    len(placebo.scores),
                    f"learned of promotions two weeks later: {'within' if placebo.is_within_noise else 'beyond'} noise; the "
                    f"champion's own order of the same rows reaches {own:+.4f}",
                )
            )
        return findings

    def _parts(self, context: TrainingContext) -> Parts:
        """Rows of the three windows: train on all dates up to its own; validation and test where interest is known."""
        known = context.connection.execute(
            "select distinct as_of_date from features.promo_effect_dates where as_of_date <= $last order by as_of_date",
            {"last": max(context.split.train)},
        ).fetchall()
        parts = read_parts(context, _EXAMPLES, MOST_TRAINING_ROWS, train=[day for (day,) in known])
        for name in ("validation", "test"):
            if len(parts[name].labels):
                parts[name] = _of(parts[name], ~np.isnan(parts[name].features[:, 0]))
        check_labels(*(parts[name].labels for name in ("train", "validation", "test")))
        for name, part in parts.items():
            share = float(part.columns["treated"].mean())
            if not FEWEST_PROMOTED_SHARE <= share <= 1 - FEWEST_PROMOTED_SHARE:
                raise ThinData(
                    f"{share:.1%} of the rows of the {name} window were promoted; between {FEWEST_PROMOTED_SHARE:.0%} and "
                    f"{1 - FEWEST_PROMOTED_SHARE:.0%} are needed to learn what promotions do"
                )
        return parts

    def _linear(
        self, context: TrainingContext, parts: Parts, names: list[str], card: dict[str, Any], judged: Effects
    ) -> dict[str, Trained]:
        """The article's form, of promoted rows with a known interest. It serves where a shop asks for it, so nothing gates it."""
        train, test = parts["train"], parts["test"]
        promoted = (train.columns["treated"] == 1) & ~np.isnan(train.features[:, 0])
        if len(np.unique(train.labels[promoted])) < 2:
            return {}
        inputs = ["interest", *context.dbt_vars["promo_effect_product"]]
        content = fitted_linear_form(train.features[promoted], train.labels[promoted], names, inputs)
        scorer = LinearEffectScorer(LINEAR, content)
        scores = scores_of(scorer, test.features)
        shown = test.columns["treated"] == 1
        measured = {"autoc": judged.judge.value(scores[judged.open])}
        # Where all or none of what was promoted in the test weeks was bought, an order of it can't be judged.
        if len(np.unique(test.labels[shown])) == 2:
            measured |= binary_metrics(test.labels[shown], scores[shown])
        kept = ("task", "horizon_days", "features", "split")
        return {
            LINEAR: Trained(
                kind="linear_effect",
                file=LINEAR_FILE,
                files={LINEAR_FILE: content},
                card={name: card[name] for name in kept}
                | {
                    "form": "σ(W · [I, p] + b), learned from promoted rows",
                    "inputs": inputs,
                    "good_for": "how likely a promoted product is bought; it doesn't say what the promotion changes",
                },
                metrics={LINEAR: {"test": measured}},
                judge=None,
                test_inputs=test.features,
                test_scores=scores,
            )
        }


def feature_names(context: TrainingContext) -> list[str]:
    """Interest, the product's side, the rest."""
    return ["interest", *context.dbt_vars["promo_effect_product"], *context.dbt_vars["promo_effect_features"]]


def _of(part: Part, chosen: NDArray[np.bool_]) -> Part:
    columns = {name: values[chosen] for name, values in part.columns.items()}
    return Part(part.features[chosen], part.labels[chosen], part.groups[chosen], columns)


def _rows(part: Part, treated: str = "treated") -> Rows:
    """Rows to learn from, without interest: most training weeks have none, and trees would learn which weeks those are."""
    features = part.features.copy()
    features[:, 0] = np.nan
    return Rows(features, part.columns[treated].astype(np.float32), part.labels)


def _products(part: Part) -> NDArray[np.int64]:
    return part.columns["product"].astype(np.int64)


def _placebo(parts: Parts, seed: int) -> Placebo | None:
    windows = []
    for name in ("train", "validation", "test"):
        columns = parts[name].columns
        part = _of(parts[name], (columns["treated"] == 0) & ~np.isnan(columns["treated_later"]))
        windows.append(Window(_rows(part, "treated_later"), _products(part)))
    return try_placebo(windows[0], windows[1], windows[2], seed)


def _autoc(effects: Effects, scores: NDArray[np.float32]) -> float:
    return effects.judge.value(scores[effects.open])


def _measured(effects: Effects, part: Part, scores: NDArray[np.float32]) -> dict[str, Any]:
    return {
        "rows": int(effects.open.sum()),
        "open_share": float(effects.open.mean()),
        "promoted_share": float(part.columns["treated"].mean()),
        "autoc": effects.judge.value(scores),
        "autoc_interval_95": list(effects.judge.interval(scores)),
        "mean_effect": effects.mean,
    }


def _baselines(test: Part, judged: Effects, seed: int) -> dict[str, NDArray[Any]]:
    return {
        INTEREST: test.features[judged.open, 0],
        RANDOM: np.random.default_rng(seed).random(int(judged.open.sum())),
    }


def _rule(names: list[str], judged: Effects, test: Part) -> bytes:
    """rule.json: the effect in proportion to interest, right on average; for shops with too little to learn from."""
    slope = max(0.0, judged.mean / max(float(test.features[judged.open, 0].mean()), 1e-6))
    rule = {
        "input": "features",
        "argument": 0,
        "feature": "interest",
        "index": 0,
        "feature_count": len(names),
        "points": [[0.0, 0.0], [1.0, round(min(slope, 1.0), 5)]],
        "missing": 0.0,
    }
    return (json.dumps(rule, indent=2) + "\n").encode()


TASK = PromoEffectTask()
