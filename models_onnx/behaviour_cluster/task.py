"""The task behaviour_cluster: groups of users who shop alike. Nothing is labelled; what counts is that groups last."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from models_onnx.behaviour_cluster.clusters import FARTHEST, choose, fit
from models_onnx.behaviour_cluster.graph import to_onnx
from models_onnx.behaviour_cluster.naming import name_clusters
from models_onnx.behaviour_cluster.stability import AriJudge, named_segments, same_share
from models_onnx.drift import profile
from models_onnx.half_years import HALF_YEAR_DAYS, half_year_split
from models_onnx.tabular.examples import feature_matrix
from models_onnx.task import Finding, Task, Trained, TrainingContext
from models_onnx.time_split import FEWEST_BUYERS, ThinData, TimeSplit
from udfs.behaviour_cluster import BehaviourClusterScorer, Cluster
from udfs.scorer import Scorer

MODEL_FILE = "model.onnx"
SEGMENTS = "rule: named RFM segments"
"""Life cycle and value tier together: recency, frequency and money in names."""
VALUE_TIERS, LIFE_CYCLE = "rule: value tiers alone", "rule: life cycle alone"


@dataclass(frozen=True)
class _Read:
    names: list[str]
    train: NDArray[np.float32]
    """[N, K]: everyone with habits in the first half-year."""
    both: NDArray[np.float32]
    """[2 U, K]: users with habits in both, as they were in the first half-year, then in the second."""
    segments: dict[str, NDArray[np.int64]]
    """[2 U] each: what the rules say of the same users at the same times."""

    @property
    def users(self) -> int:
        return len(self.both) // 2


@dataclass(frozen=True)
class BehaviourClusterTask:
    """k-means over the first half-year's behaviour; judged by who is in the same cluster in the second."""

    name: str = "behaviour_cluster"
    title: str = "which group of users a user shops like, by twelve figures of behaviour over half a year"
    horizon_days: int = HALF_YEAR_DAYS
    feature_models: tuple[str, ...] = ("user_behaviour", "user_features")

    def split(self, first_day: date, data_until: date, dates: list[date] | None = None) -> TimeSplit:
        """The first half-year and the second; raises ThinData."""
        return half_year_split(first_day, data_until)

    def train(self, context: TrainingContext) -> Trained:
        """Choose the number of clusters on the first half-year alone, fit, name, measure on the second. Raises ThinData."""
        read = _read(context)
        context.progress("number of clusters", 0, 2)
        number, reached = choose(read.train, context.seed)
        context.progress(f"{number} clusters", 1, 2)
        clusters = fit(read.train, number, context.seed)
        found = clusters.of(read.train)
        named = name_clusters(clusters.scaled(read.train), found, read.names)
        shares = np.bincount(found, minlength=number + 1)[1:] / len(found)
        lines = [
            Cluster(place + 1, one.name, round(float(share), 6))
            for place, (one, share) in enumerate(zip(named, shares, strict=True))
        ]
        content = to_onnx(clusters, lines)
        scorer = BehaviourClusterScorer(self.name, content)
        scores = scorer.score(read.both)
        judge = AriJudge(read.users, seed=context.seed)
        context.progress("measured", 2, 2)
        return Trained(
            kind="onnx_clusters",
            file=MODEL_FILE,
            files={MODEL_FILE: content},
            card={
                "task": self.title,
                "horizon_days": self.horizon_days,
                "features": read.names,
                "split": {
                    "train": _window(context.split.train, len(read.train)),
                    "test": _window(context.split.test, read.users),
                },
                "settings": {
                    "clusters": number,
                    "scaling": f"(x - median) / robust deviation, kept within {FARTHEST:g}; missing: the median",
                    "fewest_visit_days": 3,
                },
                "choice": (
                    "the fewest clusters whose agreement between two models, each from a random half of the users of the first "
                    "half-year, is within one standard error of the best (mean adjusted Rand index of 20 draws)"
                ),
                "agreement_by_number": {str(tried): measures for tried, measures in reached.items()},
                "clusters": [{**line._asdict(), "differences": one.differences} for line, one in zip(lines, named, strict=True)],
                "good_for": "groups for campaigns; many users change theirs within half a year, so promise none for long",
            },
            metrics={
                self.name: {"test": _measures(judge, scores, read.users)},
                **{rule: {"test": _measures(judge, segments, read.users)} for rule, segments in read.segments.items()},
            },
            judge=judge,
            test_inputs=read.both,
            test_scores=scores,
            baseline_scores=read.segments,
            profile=profile(read.train, read.names, found),
        )

    def evaluate(self, context: TrainingContext, scorer: Scorer | None) -> list[Finding]:
        """The champion's clusters of the same users in both half-years, the named segments beside them."""
        read = _read(context)
        judge = AriJudge(read.users, seed=context.seed)
        baselines = {rule: judge.value(segments) for rule, segments in read.segments.items()}
        if not isinstance(scorer, BehaviourClusterScorer):
            return [Finding(self.name, judge.measure, float("nan"), None, baselines, read.users, "no model serves")]
        scores = scorer.score(read.both)
        measured = _measures(judge, scores, read.users)
        same = measured["same_cluster_share"]
        names = "; ".join(f"{one.cluster} {one.cluster_name}" for one in scorer.clusters)
        return [
            Finding(self.name, judge.measure, measured["ari"], judge.interval(scores), baselines, read.users, names),
            Finding(
                self.name,
                "same_cluster_share",
                same,
                None,
                {rule: same_share(segments) for rule, segments in read.segments.items()},
                read.users,
                "one cluster holds everyone" if np.isnan(same) else "users in the same cluster in both half-years",
            ),
        ]


def _read(context: TrainingContext) -> _Read:
    """Behaviour at the training and the test date; raises ThinData, and ValueError where the vector is another width."""
    first, second = max(context.split.train), max(context.split.test)
    earlier, later = (_behaviour(context.connection, day) for day in (first, second))
    if len(earlier[0]) < FEWEST_BUYERS:
        raise ThinData(
            f"{len(earlier[0])} users came on three days or more in the first half-year; training needs {FEWEST_BUYERS}"
        )
    both = sorted(set(earlier[0]) & set(later[0]))
    if len(both) < FEWEST_BUYERS // 2:
        raise ThinData(f"{len(both)} users came often enough in both half-years; comparing them needs {FEWEST_BUYERS // 2}")
    names = [str(name) for name in context.dbt_vars["behaviour_features"]]
    if earlier[1].shape[1] != len(names):
        raise ValueError(
            f"user_behaviour has vectors of {earlier[1].shape[1]} features where {len(names)} are named; build it again"
        )
    rows = [{user: row for row, user in enumerate(users)} for users, _ in (earlier, later)]
    stacked = np.concatenate(
        [features[[places[user] for user in both]] for places, (_, features) in zip(rows, (earlier, later), strict=True)]
    )
    known = named_segments(context.connection)
    pairs = [known[(day, user)] for day in (first, second) for user in both]
    codes = {
        SEGMENTS: [" ".join(pair) for pair in pairs],
        VALUE_TIERS: [tier for _, tier in pairs],
        LIFE_CYCLE: [cycle for cycle, _ in pairs],
    }
    segments = {rule: np.unique(values, return_inverse=True)[1].astype(np.int64) for rule, values in codes.items()}
    return _Read(names, earlier[1], stacked, segments)


def _behaviour(connection: duckdb.DuckDBPyConnection, day: date) -> tuple[list[str], NDArray[np.float32]]:
    """Users with habits at an as-of date and their features [N, K], in the order of users."""
    table = connection.sql(
        "select user_id, features from features.user_behaviour where as_of_date = $day order by user_id", params={"day": day}
    ).to_arrow_table()
    return table["user_id"].to_pylist(), feature_matrix(table["features"])


def _window(dates: list[date], rows: int) -> dict[str, Any]:
    return {"first": min(dates), "last": max(dates), "as_of_dates": len(dates), "rows": rows}


def _measures(judge: AriJudge, scores: NDArray[Any], users: int) -> dict[str, Any]:
    return {
        "rows": users,
        "ari": judge.value(scores),
        "ari_interval_95": list(judge.interval(scores)),
        "same_cluster_share": same_share(scores),
    }


TASK: Task = BehaviourClusterTask()  # type: ignore[assignment]
