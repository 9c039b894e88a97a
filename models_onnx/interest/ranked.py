"""What interest and subcategory_interest share: boosted trees that rank a user's candidates, judged by whole rankings."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_onnx.curves import card_curves, epoch_points, merged
from models_onnx.drift import profile
from models_onnx.evaluation import binary_metrics
from models_onnx.interest.ranking import recall_and_ndcg
from models_onnx.interest.tifu_knn import TifuSettings, neighbour_means, tifu_knn, user_vectors
from models_onnx.judges import PerUserJudge
from models_onnx.tabular.examples import MOST_TRAINING_ROWS, Part, Parts, read_parts
from models_onnx.tabular.fit import TabularSettings, fit_tabular, scores_of
from models_onnx.tabular.rule import RULE_FILE, fitted_rule
from models_onnx.tabular.task import rule_metrics, split_card
from models_onnx.task import Finding, Trained, TrainingContext, why_not_scored
from models_onnx.time_split import TimeSplit, check_labels, window_split
from udfs.scorer import Scorer

SETTINGS = TabularSettings(
    candidates=("xgboost",),
    max_depth=6,
    eta=0.1,
    subsample=0.8,
    colsample_bytree=0.6,
    min_child_weight=20,
    rounds=250,
    patience=15,
)
TIFU_GRID = tuple(
    TifuSettings(groups, within, between, 300, own)
    for groups, within, between in ((7, 0.9, 0.7), (7, 1.0, 0.8), (14, 1.0, 0.9))
    for own in (0.7, 0.9)
)
"""TIFU-KNN's settings are chosen on validation, as the model's are: a yardstick left untuned would be too easy."""
TIFU = "TIFU-KNN"
RULE_FEATURE = "own_affinity"
Rule = Callable[[NDArray[np.float32], list[str]], NDArray[Any]]


@dataclass(frozen=True)
class RankedTask:
    """A Task over user × item candidates, `key` being what an item is; judged by NDCG@10 of each user's ranking."""

    name: str
    title: str
    key: str
    """product_id or subcategory: a column of the features, of the labels and of staging.stg_products."""
    features_model: str
    labels_model: str
    further_models: list[str]
    """Models beside these two to build over the dates."""
    names: Callable[[TrainingContext], list[str]]
    """Features in their order."""
    popularity: str
    """Feature that orders items by how many buy them."""
    horizon_days: int = 28
    training_step_days: int | None = None
    """Days between as-of dates of training; a label window when None."""
    most_training_rows: int = MOST_TRAINING_ROWS
    settings: TabularSettings = field(default_factory=lambda: SETTINGS)
    also: Callable[[TrainingContext, Parts, list[str], dict[str, Any]], dict[str, Trained]] | None = None
    """(context, parts, names, card) -> further models of the same rows."""

    @property
    def feature_models(self) -> list[str]:
        """dbt models to build over the dates."""
        return [*self.further_models, self.features_model, self.labels_model]

    def split(self, first_day: date, data_until: date, dates: list[date] | None = None) -> TimeSplit:
        """As-of dates one label window apart, those of training closer where `training_step_days` says so."""
        return window_split(first_day, data_until, self.horizon_days, training_step_days=self.training_step_days)

    def train(self, context: TrainingContext) -> Trained:
        """Fit the trees, rank, compare. Raises ThinData, or ValueError when rows and features disagree."""
        names = self.names(context)
        parts = self.parts(context)
        train, validation, test = parts["train"], parts["validation"], parts["test"]
        check_labels(train.labels, validation.labels, test.labels)
        model = fit_tabular(
            train, validation, names, context.seed, self.settings, lambda done, total: context.progress("trees", done, total)
        )
        context.progress("measuring", 0, None)
        windows = {name: parts[name] for name in ("validation", "test")}
        scores = {name: model.predict(part.features) for name, part in windows.items()}
        baselines, tifu = self._baselines(context, parts, names)
        judge = self._judge(test)
        metrics: dict[str, dict[str, dict[str, Any]]] = {
            self.name: {
                name: binary_metrics(part.labels, scores[name]) | ranks(part, scores[name]) for name, part in windows.items()
            }
        }
        metrics[self.name]["test"]["ndcg@10_interval_95"] = list(judge.interval(scores["test"]))
        for name, found in baselines.items():
            metrics[name] = {
                window: rule_metrics(part.labels, found[window]) | ranks(part, found[window]) for window, part in windows.items()
            }
        gain, lower, upper = judge.gain(scores["test"], baselines[TIFU]["test"])
        card = {
            "task": self.title,
            "horizon_days": self.horizon_days,
            "features": names,
            "split": split_card(context.split, {name: len(part.labels) for name, part in parts.items()}),
            "ranking": (
                "recall@10 and NDCG@10 over all that a known user bought in the window, candidate or not, repeats included"
            ),
            "tifu_knn": vars(tifu),
            "gain_over_tifu_knn": {"mean": gain, "standard_errors": standard_errors(gain, lower, upper)},
            **model.card,
        }
        return Trained(
            kind=model.kind,
            file=model.file,
            files=dict(model.files) | {RULE_FILE: fitted_rule(train.features, train.labels, names, RULE_FEATURE)},
            card=card,
            metrics=metrics,
            judge=judge,
            test_inputs=test.features,
            test_scores=scores["test"],
            baseline_scores={name: found["test"] for name, found in baselines.items()},
            curves={"epochs": epoch_points(model.rounds)}
            | merged(
                [
                    card_curves(validation.labels, scores["validation"], "validation"),
                    card_curves(test.labels, scores["test"], "test"),
                ]
            ),
            profile=profile(train.features, names, model.predict(train.features)),
            also=self.also(context, parts, names, card) if self.also else {},
        )

    def evaluate(self, context: TrainingContext, scorer: Scorer | None) -> list[Finding]:
        """recall@10 and NDCG@10 of the champion on the test window, the baselines beside it."""
        names = self.names(context)
        parts = self.parts(context)
        test = parts["test"]
        check_labels(parts["train"].labels, parts["validation"].labels, test.labels)
        baselines, _ = self._baselines(context, parts, names)
        note = why_not_scored(scorer, test.features.shape[1])
        scores = scores_of(scorer, test.features) if scorer is not None and not note else None
        findings = []
        for number, measure in enumerate(("recall@10", "ndcg@10")):
            judge = self._judge(test, number)
            if scores is not None:
                gain, lower, upper = judge.gain(scores, baselines[TIFU]["test"])
                note = f"{gain:+.4f} on {TIFU}, {standard_errors(gain, lower, upper):.1f} standard errors"
            findings.append(
                Finding(
                    task=self.name,
                    measure=measure,
                    reached=float("nan") if scores is None else judge.value(scores),
                    interval=None if scores is None else judge.interval(scores),
                    baselines={name: judge.value(found["test"]) for name, found in baselines.items()},
                    rows=int((_wanted(test) > 0).sum()),
                    note=note,
                )
            )
        return findings

    def parts(self, context: TrainingContext) -> Parts:
        """Rows of train (a sample of users where they are very many), validation and test."""
        return read_parts(context, self._examples(context), self.most_training_rows)

    def _examples(self, context: TrainingContext) -> str:
        """Candidates with `wanted`: how many items a user with a past bought in the label window, candidates or not."""
        return f"""
            select
                features.as_of_date,
                features.user_id,
                labels.is_bought as label,
                features.features,
                features.{self.key} as item,
                features.user_id as "user",
                coalesce(baskets.wanted, 0) as wanted
            from features.{self.features_model} as features
            inner join features.{self.labels_model} as labels
                on features.as_of_date = labels.as_of_date
                and features.user_id = labels.user_id
                and features.{self.key} = labels.{self.key}
            left join (
                select
                    dates.as_of_date,
                    lines.user_id,
                    count(distinct case when lines.ordered_on >= dates.as_of_date then lines.item end) as wanted
                from ({self._purchases(context)}) as lines
                inner join staging.as_of_dates as dates
                    on lines.ordered_on < dates.as_of_date + {self.horizon_days}
                group by dates.as_of_date, lines.user_id
                having min(lines.ordered_on) < dates.as_of_date
            ) as baskets
                on features.as_of_date = baskets.as_of_date and features.user_id = baskets.user_id
        """

    def _purchases(self, context: TrainingContext) -> str:
        """Purchases of everything that is ranked; see the dbt macro is_ranked."""
        left_out = ", ".join(quoted(category) for category in context.dbt_vars.get("unranked_categories") or [])
        return f"""
            select lines.user_id, lines.order_id, lines.ordered_on, products.{self.key} as item
            from staging.stg_order_lines as lines
            inner join staging.stg_products as products on lines.product_id = products.product_id
            where lines.quantity > 0 and products.{self.key} is not null
                {f"and products.category not in ({left_out})" if left_out else ""}
        """

    def _judge(self, part: Part, measure: int = 1) -> PerUserJudge:
        """By recall@10 (0) or NDCG@10 (1); a part has one as-of date, so a user is one ranking."""
        wanted = _wanted(part)

        def values(scores: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
            return recall_and_ndcg(part.groups, part.labels, scores, wanted)[measure]

        return PerUserJudge(("recall@10", "ndcg@10")[measure], values)

    def _baselines(
        self, context: TrainingContext, parts: Parts, names: list[str]
    ) -> tuple[dict[str, dict[str, NDArray[Any]]], TifuSettings]:
        popularity, own = names.index(self.popularity), names.index("own_purchase_days")
        windows = ("validation", "test")
        found: dict[str, dict[str, NDArray[Any]]] = {"rule: own purchase days": {}, "rule: best sellers": {}, TIFU: {}}
        for window in windows:
            bought = np.nan_to_num(parts[window].features[:, popularity].astype(np.float64))
            found["rule: best sellers"][window] = bought
            found["rule: own purchase days"][window] = parts[window].features[:, own] + 1e-6 * bought
        context.progress("TIFU-KNN", 0, None)
        tried = self._tifu(context, context.split.validation[0], parts["validation"], TIFU_GRID)
        judge = self._judge(parts["validation"])
        best = max(tried, key=lambda one: judge.value(tried[one]))
        found[TIFU]["validation"] = tried[best]
        found[TIFU]["test"] = self._tifu(context, context.split.test[0], parts["test"], (best,))[best]
        return found, best

    def _tifu(
        self, context: TrainingContext, day: date, part: Part, grid: tuple[TifuSettings, ...]
    ) -> dict[TifuSettings, NDArray[np.float64]]:
        """TIFU-KNN's scores [N] of the candidates of `part`, from purchases before `day` alone, by settings.

        Neighbours are sought among those who have candidates: on a large shop a share of the users, as for the model.
        """
        past = context.connection.execute(
            f"""
            select
                user_id,
                dense_rank() over (order by ordered_on, order_id) - 1 as basket,
                item
            from ({self._purchases(context)}) as purchases
            where
                ordered_on < $day
                and user_id in (select user_id from features.{self.features_model} where as_of_date = $day)
            """,
            {"day": day},
        ).fetchnumpy()
        items, item_numbers = np.unique(np.asarray(past["item"], dtype=str), return_inverse=True)
        users, user_numbers = np.unique(np.asarray(past["user_id"], dtype=str), return_inverse=True)
        rows, known_user = _places(users, np.asarray(part.columns["user"], dtype=str))
        columns, known_item = _places(items, np.asarray(part.columns["item"], dtype=str))
        known = known_user & known_item
        found = {}
        vectors = means = None
        shape = (len(users), len(items))
        before: TifuSettings | None = None
        for settings in grid:
            alike = before and (before.groups, before.within, before.between, before.neighbours) == (
                settings.groups, settings.within, settings.between, settings.neighbours,
            )  # fmt: skip
            if vectors is None or not alike:
                vectors = user_vectors(user_numbers, np.asarray(past["basket"]), item_numbers, shape, settings)
                means = neighbour_means(vectors, settings.neighbours)
            before = settings
            scores = np.zeros(len(part.labels))
            scores[known] = np.asarray(tifu_knn(vectors, means, settings.own)[rows[known], columns[known]]).reshape(-1)
            found[settings] = scores
        return found


def ranks(part: Part, scores: NDArray[Any]) -> dict[str, Any]:
    """Mean recall@10 and NDCG@10, and over how many users."""
    recall, ndcg = recall_and_ndcg(part.groups, part.labels, scores, _wanted(part))
    return {"recall@10": float(recall.mean()), "ndcg@10": float(ndcg.mean()), "users": len(ndcg)}


def standard_errors(mean: float, lower: float, upper: float) -> float:
    """How many standard errors a mean is from zero, by its 95 % interval."""
    return mean / ((upper - lower) / 2 / 1.959964) if upper > lower else float("inf")


def quoted(text: str) -> str:
    """A SQL string."""
    return "'" + text.replace("'", "''") + "'"


def _wanted(part: Part) -> NDArray[np.int64]:
    """Items wanted by each user of `part`, by the user's number."""
    wanted = np.zeros(int(part.groups.max()) + 1, dtype=np.int64)
    wanted[part.groups] = part.columns["wanted"].astype(np.int64)
    return wanted


def _places(known: NDArray[Any], asked: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each of `asked` stands in the sorted `known`, and whether it is there at all."""
    places = np.minimum(np.searchsorted(known, asked), max(len(known) - 1, 0))
    return places, known[places] == asked if len(known) else np.zeros(len(asked), dtype=bool)
