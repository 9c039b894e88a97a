"""The task over campaigns: rolling origin for its figures, and a model of the campaigns before the test ones to ship."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from models_onnx.curves import card_curves, lift, merged
from models_onnx.drift import profile
from models_onnx.evaluation import binary_metrics
from models_onnx.redemption.recipe import Fitted, Recipe, fit
from models_onnx.redemption.rolling import Walked, Weights, choose, over_by, walk
from models_onnx.tabular.examples import MOST_TRAINING_ROWS, Part, read_part
from models_onnx.tabular.fit import JUDGES, scores_of
from models_onnx.tabular.rule import RULE_FILE, fitted_rule
from models_onnx.tabular.task import rule_metrics
from models_onnx.task import Finding, Trained, TrainingContext, why_not_scored
from models_onnx.time_split import ThinData, TimeSplit, check_labels
from udfs.scorer import Scorer
from udfs.scorer_kinds import scorer_from

HISTORY_DAYS = 28
"""Days of purchases before a campaign's start; campaigns with fewer tell nothing of what comes before one."""
FEWEST_STARTS = 10
FEWEST_CAMPAIGNS = 5
"""Fewer are not drawn from: an interval over two campaigns means nothing."""
TEST_SHARE, VALIDATION_SHARE = 0.4, 0.2

Rows = NDArray[np.bool_]


def campaign_starts(connection: duckdb.DuckDBPyConnection) -> list[date]:
    """Days of the shop's calendar on which campaigns with recorded receivers begin, oldest first."""
    found = connection.execute(
        """
        select distinct days.starts_on
        from staging.campaign_days as days
        inner join staging.stg_campaign_sends as sends on days.campaign_id = sends.campaign_id
        where sends.treated
        order by days.starts_on
        """
    ).fetchall()
    return [day for (day,) in found]


def campaign_split(first_day: date, data_until: date, dates: list[date] | None = None) -> TimeSplit:
    """Campaign starts in the order of time: the last two fifths are tested, a fifth before them is for validation.

    Starts with less than 28 days of purchases before them are left out. Parts may overlap, for campaigns do; a fit takes
    campaigns that were over before the tested one starts, whatever part they are of. Raises ThinData below 10 starts.
    """
    starts = [day for day in sorted(dates or []) if first_day + timedelta(days=HISTORY_DAYS) <= day < data_until]
    if len(starts) < FEWEST_STARTS:
        raise ThinData(
            f"the shop has sent campaigns on {len(starts)} days with {HISTORY_DAYS} days of purchases before them; "
            f"training needs {FEWEST_STARTS}"
        )
    test = round(len(starts) * TEST_SHARE)
    validation = max(1, round(len(starts) * VALIDATION_SHARE))
    return TimeSplit(train=starts[: -test - validation], validation=starts[-test - validation : -test], test=starts[-test:])


def redemption_examples(key: str) -> str:
    """The rows of receivers × `key` (campaign_id or coupon_id) on their campaign's first day, of recorded sends.

    A campaign that is over has labels; of one that the data's end cuts off, what was redeemed until then counts.
    """
    name = key.removesuffix("_id")
    keys = ("campaign_id",) if key == "campaign_id" else ("campaign_id", key)
    listed = ", ".join(f"features.{column}" for column in keys)
    return f"""
        select
            features.as_of_date,
            features.user_id,
            {listed},
            windows.ends_on,
            labels.user_id is not null as is_over,
            coalesce(labels.is_redeemed, redeemed.user_id is not null) as label,
            features.features
        from features.{name}_redemption_features as features
        inner join features.campaign_redemption_features as receivers
            on
                features.as_of_date = receivers.as_of_date
                and features.campaign_id = receivers.campaign_id
                and features.user_id = receivers.user_id
        inner join features.campaign_windows as windows
            on features.as_of_date = windows.as_of_date and features.campaign_id = windows.campaign_id
        left join features.{name}_redemption_labels as labels
            on
                features.as_of_date = labels.as_of_date
                and features.{key} = labels.{key}
                and features.user_id = labels.user_id
        left join (
            select distinct
                windows.as_of_date,
                coupons.{key},
                redemptions.user_id
            from features.campaign_windows as windows
            inner join staging.stg_coupons as coupons on windows.campaign_id = coupons.campaign_id
            inner join staging.stg_coupon_redemptions as redemptions
                on
                    coupons.coupon_id = redemptions.coupon_id
                    and redemptions.redeemed_at >= windows.starts_at
                    and redemptions.redeemed_at < windows.ends_at
        ) as redeemed
            on
                features.as_of_date = redeemed.as_of_date
                and features.{key} = redeemed.{key}
                and features.user_id = redeemed.user_id
        where receivers.is_recorded and features.as_of_date = windows.starts_on
    """


@dataclass(frozen=True)
class _Measured:
    """What training and evaluation share: rows, masks over them, the walk and the choice."""

    part: Part
    walked: Walked
    weights: Weights
    choice: dict[str, Any]
    scores: NDArray[np.float64]
    """[N] out of time; NaN where not tested."""
    cut: date
    """Start of the first campaign that the shipped model is tested on."""
    past: Rows
    """Campaigns that were over by the cut: what the shipped model learns from."""
    validation: Rows
    """Tested validation campaigns that are over by the end of the data."""
    test: Rows
    """Test campaigns that are over by the end of the data."""
    test_of_shipped: Rows
    """Those of them that start at the cut or later."""
    test_so_far: Rows
    """Test campaigns, those that the end of the data cuts off included: what they brought until then counts."""


@dataclass(frozen=True)
class RedemptionTask:
    """A Task over rows of receivers of campaigns; see `models_onnx/task.py`."""

    name: str
    title: str
    feature_models: list[str]
    features_var: str
    """The dbt var that lists the features in their order."""
    examples_sql: str
    """Columns as_of_date (a campaign's start), user_id, campaign_id, ends_on, is_over, label (so far), features, for rules."""
    rule_name: str
    rule_feature: str
    """Feature that is the rule to beat, and that serves where data are too thin."""
    measure: str
    recipe: Recipe = field(default_factory=Recipe)
    most_rows: int = MOST_TRAINING_ROWS
    horizon_days: int = 0
    """Labels look to their own campaign's end; a fit takes campaigns that were over."""
    dates: Callable[[duckdb.DuckDBPyConnection], list[date]] = field(default=campaign_starts)

    def split(self, first_day: date, data_until: date, dates: list[date] | None = None) -> TimeSplit:
        """See `campaign_split`."""
        return campaign_split(first_day, data_until, dates)

    def train(self, context: TrainingContext) -> Trained:
        """Walk through validation and test campaigns, choose on the former, fit what ships on what was over before the latter."""
        names = context.features(self.name, self.features_var)
        found = self._measure(context, names)
        part, test = found.part, found.test_of_shipped
        fitted, shift, file, files = self._ship(found, names, context)
        scorer = scorer_from(self.name, "blend", files[file], files)
        train_features = part.features[found.past]
        scores = scores_of(scorer, part.features[test])
        judge = JUDGES[self.measure](part.labels[test], part.groups[test])
        rule = self._rule(part, names)
        files[RULE_FILE] = fitted_rule(train_features, part.labels[found.past], names, self.rule_feature)
        walked_metrics = {
            window: binary_metrics(part.labels[rows], found.scores[rows])
            for window, rows in (("validation", found.validation), ("test", found.test))
        }
        shipped = binary_metrics(part.labels[test], scores) | {f"{self.measure}_interval_95": list(judge.interval(scores))}
        return Trained(
            kind="blend",
            file=file,
            files=files,
            card={
                "task": self.title,
                "features": names,
                "split": self._split_card(found, context.split),
                "evaluation": (
                    "rolling origin: each campaign of validation and test is scored by a model of the campaigns that were over "
                    "before it began. The shipped model learned from campaigns that were over by the cut and is tested on those "
                    "that began later: that is `test` under its own name and under the rule's, `validation` is rolling origin"
                ),
                "cut": found.cut,
                "fits": found.walked.fits,
                **found.choice,
                "calibration": {"slope": 1.0, "intercept": shift, "method": "level of earlier out-of-time scores"},
                "settings": asdict(self.recipe) | {"offset_of_drawn_negatives": fitted.offset},
            },
            metrics={
                self.name: {"validation": walked_metrics["validation"], "test": shipped},
                "rolling origin": walked_metrics,
                self.rule_name: {
                    window: rule_metrics(part.labels[rows], rule[rows])
                    for window, rows in (("validation", found.validation), ("test", test))
                },
            },
            judge=judge,
            test_inputs=part.features[test],
            test_scores=scores,
            baseline_scores={self.rule_name: rule[test]},
            curves=merged(
                [
                    card_curves(part.labels[found.validation], found.scores[found.validation], "validation"),
                    card_curves(part.labels[test], scores, "test", {self.rule_name: rule[test]}),
                ]
            ),
            profile=profile(train_features, names, scores_of(scorer, train_features)),
        )

    def evaluate(self, context: TrainingContext, scorer: Scorer | None) -> list[Finding]:
        """Rolling origin on all test campaigns, then on those that are over, and the champion on the latter."""
        names = context.features(self.name, self.features_var)
        found = self._measure(context, names)
        part, test = found.part, found.test_of_shipped
        rule = self._rule(part, names)
        findings = self._findings(
            found,
            found.test_so_far,
            found.scores,
            rule,
            "",
            "rolling origin; campaigns cut off by the data's end count so far",
        )
        findings += self._findings(found, found.test, found.scores, rule, ", campaigns that are over", "rolling origin")
        note = why_not_scored(scorer, len(names))
        if scorer is None or note:
            nothing = float("nan")
            return [*findings, Finding(self.name, "auc, champion", nothing, None, {}, int(test.sum()), note)]
        scores = np.full(len(part.labels), np.nan)
        scores[test] = scores_of(scorer, part.features[test])
        return findings + self._findings(found, test, scores, rule, ", champion", f"campaigns from {found.cut} on that are over")

    def _findings(
        self, found: _Measured, rows: Rows, scores: NDArray[np.float64], rule: NDArray[np.float64], suffix: str, note: str
    ) -> list[Finding]:
        part = found.part
        labels, reached, baseline = part.labels[rows], scores[rows], rule[rows]
        count = len(labels)
        findings = []
        for measure, judge_of in JUDGES.items():
            judge = judge_of(labels, part.groups[rows])
            by_campaign = _by_campaign(judge_of, labels, part.columns["campaign_id"][rows], reached)
            findings.append(
                Finding(
                    self.name,
                    f"{measure}{suffix}",
                    judge.value(reached),
                    judge.interval(reached),
                    {self.rule_name: judge.value(baseline)},
                    count,
                    f"{note}{by_campaign}",
                )
            )
        findings.append(
            Finding(
                self.name, f"lift@10%{suffix}", lift(labels, reached), None, {self.rule_name: lift(labels, baseline)}, count, note
            )
        )
        measured = binary_metrics(labels, reached)
        told = f"mean score {measured['mean_score']:.4f}, observed {measured['base_rate']:.4f}; lower is better"
        findings.append(Finding(self.name, f"ece{suffix}", float(measured["ece"]), None, {}, count, told))
        return findings

    def _measure(self, context: TrainingContext, names: list[str]) -> _Measured:
        context.progress("reading", 0, None)
        split = context.split
        part = read_part(context.connection, self.examples_sql, split.all(), self.most_rows)
        if len(part.labels) and part.features.shape[1] != len(names):
            raise ValueError(f"{self.name}: rows have {part.features.shape[1]} features where {len(names)} are named")
        if not len(part.labels):
            raise ThinData("no receiver of a campaign is on record; training needs both outcomes")
        is_over = part.columns["is_over"] == 1
        on = part.columns["as_of_date"]
        of_validation = np.isin(on, np.array(split.validation, dtype="datetime64[D]").astype(on.dtype))
        of_test = np.isin(on, np.array(split.test, dtype="datetime64[D]").astype(on.dtype))
        cut = _cut(part, of_test & is_over, split.test)
        past = over_by(part, cut)
        test_of_shipped = of_test & is_over & (on >= np.datetime64(cut))
        check_labels(part.labels[past], part.labels[of_validation & is_over], part.labels[test_of_shipped])
        walked = walk(
            part,
            [*split.validation, *split.test],
            self.recipe,
            context.seed,
            lambda done, total: context.progress("fit on past campaigns", done, total),
        )
        validation = of_validation & is_over & walked.tested
        if len(np.unique(part.labels[validation])) < 2:
            raise ThinData("the campaigns before the validation window hold too few redemptions to test it")
        weights, choice = choose(part, walked, validation, self.measure)
        return _Measured(
            part=part,
            walked=walked,
            weights=weights,
            choice=choice,
            scores=walked.scores(part, weights),
            cut=cut,
            past=past,
            validation=validation,
            test=of_test & is_over,
            test_of_shipped=test_of_shipped,
            test_so_far=of_test,
        )

    def _ship(self, found: _Measured, names: list[str], context: TrainingContext) -> tuple[Fitted, float, str, dict[str, bytes]]:
        fitted = fit(found.part.features[found.past], found.part.labels[found.past], self.recipe, context.seed)
        shift = found.walked.shift(found.part, found.weights, np.datetime64(found.cut))
        file, files = fitted.files(found.weights, shift, names)
        return fitted, shift, file, files

    def _rule(self, part: Part, names: list[str]) -> NDArray[np.float64]:
        return np.nan_to_num(part.features[:, names.index(self.rule_feature)].astype(np.float64))

    @staticmethod
    def _split_card(found: _Measured, split: TimeSplit) -> dict[str, Any]:
        """The campaigns of each part: first and last start, how many, rows."""
        days, campaigns = found.part.columns["as_of_date"], found.part.columns["campaign_id"]
        parts = (
            ("train", found.past),
            ("validation", found.validation),
            ("test", found.test_of_shipped),
            ("rolling origin", found.test),
        )
        card: dict[str, Any] = {}
        for name, rows in parts:
            starts = sorted(day for day in split.all() if (days[rows] == np.datetime64(day)).any())
            card[name] = {
                "first": starts[0],
                "last": starts[-1],
                "as_of_dates": len(starts),
                "campaigns": len(np.unique(campaigns[rows])),
                "rows": int(rows.sum()),
            }
        return card


def _cut(part: Part, test: Rows, starts: list[date]) -> date:
    """The newest start from which on the test campaigns [N] still hold half of their redemptions.

    A shipped model that learned from all before it wastes less than one that stops at the first test campaign.
    """
    on = part.columns["as_of_date"]
    redemptions = float(part.labels[test].sum())
    for start in sorted(starts, reverse=True):
        if part.labels[test & (on >= np.datetime64(start))].sum() >= max(1.0, redemptions / 2):
            return start
    return min(starts)


def _by_campaign(judge_of: Any, labels: NDArray[Any], campaigns: NDArray[Any], scores: NDArray[np.float64]) -> str:
    """The 95 % interval with whole campaigns drawn: what chance in the choice of campaigns adds."""
    if len(np.unique(campaigns)) < FEWEST_CAMPAIGNS:
        return ""
    lower, upper = judge_of(labels, np.unique(campaigns, return_inverse=True)[1]).interval(scores)
    return f"; by campaign {lower:.3f} to {upper:.3f}"
