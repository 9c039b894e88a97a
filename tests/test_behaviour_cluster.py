"""Behaviour clusters: planted groups are found, the graph says what numpy says, and names tell what sets a group apart."""

import json
import warnings
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import onnx
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from scorer_contract import ScorerCase, ScorerContract

from models_onnx.behaviour_cluster.clusters import Clusters, choose, fit
from models_onnx.behaviour_cluster.graph import to_onnx
from models_onnx.behaviour_cluster.naming import PHRASES, name_clusters
from models_onnx.behaviour_cluster.stability import UNNAMED, AriJudge, named_segments, same_share
from models_onnx.behaviour_cluster.task import LIFE_CYCLE, SEGMENTS, TASK, VALUE_TIERS
from models_onnx.gate import decide
from models_onnx.half_years import half_year_split
from models_onnx.model_card import as_json
from models_onnx.task import Trained, TrainingContext
from models_onnx.time_split import ThinData
from udfs.behaviour_cluster import BehaviourClusterScorer, Cluster
from udfs.duckdb_functions import register_functions
from udfs.model_registry import MODELS_FOLDER, ModelRefused
from udfs.rule import RuleScorer
from udfs.scorer import score_column
from udfs.scorer_kinds import scorer_from

SPLIT = half_year_split(date(2024, 1, 1), date(2025, 1, 1))
NAMES = ["visit_days", "order_value", "discount_share"]
SMALL = Clusters(
    median=np.array([1.0, 10.0], dtype=np.float32),
    inverse_scale=np.array([1.0, 0.5], dtype=np.float32),
    centres=np.array([[2.0, 0.0], [0.0, 2.0], [-2.0, -2.0]], dtype=np.float32),
)
NAMED = [Cluster(1, "frequent", 0.5), Cluster(2, "large baskets", 0.3), Cluster(3, "seldom", 0.2)]


def planted(users: int, groups: int, seed: int, width: int = 3) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features [users, width] of clear groups, and the group of each."""
    random = np.random.default_rng(seed)
    centres = 8 * np.eye(groups, width)
    group = np.arange(users) % groups
    return (centres[group] + random.normal(size=(users, width))).astype(np.float32), group


def feature_lists(width: int, rows: int = 300) -> pa.Array:
    features = np.random.default_rng(4).normal(size=(rows, width)) * 3
    missing = np.random.default_rng(5).random(size=features.shape) < 0.1
    lists = [
        [None if gone else value for value, gone in zip(*row, strict=True)]
        for row in zip(features.tolist(), missing.tolist(), strict=True)
    ]
    return pa.array(lists, type=pa.list_(pa.float32()))


class TestClusterScorer(ScorerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def case(cls) -> ScorerCase:
        known: list[tuple[list[float | None], float]] = [
            ([3.0, 10.0], 1),
            ([1.0, 14.0], 2),
            ([-1.0, 6.0], 3),
            ([None, 14.0], 2),  # the median stands in
            ([1e30, None], 1),  # three deviations at the most
            ([-1e30, -1e30], 3),
        ]
        unscorable = pa.array([None, [], [0.5], [0.5, 0.5, 0.5]], type=pa.list_(pa.float32()))
        return ScorerCase(BehaviourClusterScorer("behaviour_cluster", to_onnx(SMALL, NAMED)), feature_lists(2), unscorable, known)

    def test_scores_are_float32_probabilities(self, case: ScorerCase) -> None:
        """Numbers of clusters, in this one's case."""
        scores = score_column(case.scorer, case.examples)
        assert scores.type == pa.int32()
        assert scores.null_count == 0
        assert set(scores.to_pylist()) == {1, 2, 3}

    def test_empty_input(self, case: ScorerCase) -> None:
        scores = score_column(case.scorer, case.examples[:0])
        assert (len(scores), scores.type) == (0, pa.int32())

    def test_the_graph_says_what_numpy_says(self, case: ScorerCase) -> None:
        batch, _ = case.scorer.dense_batch(case.examples)
        np.testing.assert_array_equal(case.scorer.score(batch), SMALL.of(batch))


@pytest.mark.parametrize("groups", [3, 4, 5])
def test_planted_groups_are_found_and_counted(groups: int) -> None:
    features, group = planted(600, groups, 1, width=5)
    number, reached = choose(features, seed=1)
    assert number == groups
    assert reached[groups]["agreement"] > 0.95
    found = fit(features, number, seed=1).of(features)
    where = [np.bincount(found[group == one], minlength=groups + 1) for one in range(groups)]
    assert sorted(int(counts.argmax()) for counts in where) == list(range(1, groups + 1))
    assert all(counts.max() >= 0.9 * counts.sum() for counts in where)


def test_the_same_seed_gives_the_same_clusters() -> None:
    features, _ = planted(400, 5, 2)
    first, second = (fit(features, 5, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.centres, second.centres)
    assert (np.diff(first.centres[:, 0]) <= 0).all()


def test_gaps_constants_and_outliers_do_no_harm() -> None:
    features, group = planted(300, 3, 1)
    spoilt = np.column_stack([features, np.full(300, 7.0), np.full(300, np.nan)]).astype(np.float32)
    spoilt[::50, 0] = np.nan
    spoilt[1, 1] = 1e9
    clusters = fit(spoilt, 3, seed=1)
    assert clusters.inverse_scale[3] == clusters.inverse_scale[4] == 0
    assert np.isfinite(clusters.centres).all()
    found = clusters.of(spoilt)
    kept = ~np.isnan(spoilt[:, 0])
    assert len(set(zip(found[kept].tolist(), group[kept].tolist(), strict=True))) <= 4  # the outlier may move
    scorer = BehaviourClusterScorer("behaviour_cluster", to_onnx(clusters, NAMED))
    np.testing.assert_array_equal(scorer.score(spoilt), found)


def test_too_few_users_make_no_clusters() -> None:
    with pytest.raises(ValueError, match="2 users can't make 3 clusters"):
        fit(np.zeros((2, 3), dtype=np.float32), 3, seed=1)
    with pytest.raises(ValueError, match="too few to make clusters"):
        choose(np.zeros((5, 3), dtype=np.float32), seed=1)


def test_users_of_fewer_habits_than_clusters_make_no_noise() -> None:
    five_habits = np.repeat(np.arange(5, dtype=np.float32)[:, None], 200, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        number, reached = choose(five_habits, seed=1)
    assert number == 5
    assert reached[8]["smallest_share"] == 0


def test_names_tell_what_sets_a_group_apart() -> None:
    scaled = np.array([[2.0, -1.0, 0.0], [2.0, -1.0, 0.1], [-2.0, 1.0, 0.0], [-2.0, 1.0, 0.1]], dtype=np.float32)
    named = name_clusters(scaled, np.array([1, 1, 2, 2]), NAMES)
    assert [one.name for one in named] == ["frequent, small baskets", "seldom, large baskets"]
    assert named[0].differences["visit_days"] == pytest.approx(2.0)


def test_names_are_different_and_take_one_word_a_theme() -> None:
    scaled = np.tile(np.array([[1.0, 2.0]], dtype=np.float32), (4, 1)) * np.array([[1], [1], [-1], [-1]])
    named = name_clusters(scaled, np.array([1, 2, 3, 3]), ["order_value", "lines_per_order"])
    assert [one.name for one in named] == ["full baskets", "full baskets (2)", "few items at a time"]
    own = name_clusters(scaled, np.array([1, 1, 2, 2]), ["order_value", "shop_visits"])
    assert own[0].name == "high shop visits, large baskets"
    assert name_clusters(np.zeros((2, 1)), np.array([1, 1]), ["visit_days"])[0].name == "much like everyone"


def test_every_shipped_figure_has_its_words() -> None:
    import yaml
    from rendered_sql import PROJECT

    names = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]["behaviour_features"]
    assert set(names) <= set(PHRASES)
    rule = RuleScorer("behaviour_cluster", (MODELS_FOLDER / "behaviour_cluster" / "rule.json").read_bytes())
    assert rule.feature_count == len(names)
    assert score_column(rule, feature_lists(len(names), 5)).to_pylist() == [1] * 5
    assert score_column(rule, feature_lists(len(names), 5)).type == pa.int32()


def test_the_judge_counts_who_stays_together() -> None:
    judge = AriJudge(4)
    assert judge.value(np.array([1, 1, 2, 2, 2, 2, 1, 1])) == 1  # numbers don't matter
    assert judge.value(np.array([1, 1, 2, 2, 1, 2, 1, 2])) < 0
    gain, lower, upper = judge.gain(np.array([1, 1, 2, 2, 1, 1, 2, 2]), np.array([1, 1, 2, 2, 1, 2, 1, 2]))
    assert gain > 0
    assert lower <= upper
    with pytest.raises(ValueError, match="clusters must be 8"):
        judge.value(np.array([1, 2]))
    with pytest.raises(ValueError, match="no user"):
        AriJudge(0)


def test_one_cluster_for_everyone_tells_nobody_from_anybody() -> None:
    judge = AriJudge(4)
    everyone, others = np.ones(8), np.array([1, 1, 1, 1, 2, 2, 2, 2])
    for scores in (everyone, others):
        assert judge.value(scores) == 0
        assert judge.interval(scores) == (0, 0)
        assert np.isnan(same_share(scores))
    assert judge.gain(np.array([1, 1, 2, 2, 1, 1, 2, 2]), everyone)[0] == 1
    assert same_share(np.array([1, 1, 2, 2, 1, 2, 2, 2])) == 0.75


def behaviour(users: int = 600, moved: float = 0.1, early_users: int | None = None) -> duckdb.DuckDBPyConnection:
    """Planted groups at the dates of the split; a share of the users moves to another group. Segments are by hash."""
    connection = duckdb.connect()
    features, _ = planted(users, 3, 1)
    later, _ = planted(users, 3, 2)
    shifted = np.random.default_rng(7).random(users) < moved
    later[shifted] = np.roll(later, 1, axis=0)[shifted]
    connection.execute("create schema features; create schema policies")
    connection.execute("create table features.user_behaviour (as_of_date date, user_id varchar, features float[])")
    connection.execute(
        "create table features.user_features (as_of_date date, user_id varchar, recency_days integer, "
        "days_since_first_purchase integer, value_percentile double)"
    )
    for day, block in ((SPLIT.train[0], features[:early_users]), (SPLIT.test[0], later)):
        rows = pa.table({"n": np.arange(len(block)), "features": pa.array(block.tolist(), type=pa.list_(pa.float32()))})
        connection.register("block", rows)
        connection.execute("insert into features.user_behaviour select ?, 'u' || n, features from block", [day])
        connection.execute(
            "insert into features.user_features select ?, 'u' || n, hash(n || ?) % 60, 200, (hash(n || ? || 'v') % 100) / 100.0 "
            "from block",
            [day, str(day), str(day)],
        )
    rules = MODELS_FOLDER.parent / "dbt_project" / "seeds" / "segment_rules.csv"
    connection.execute(f"create table policies.segment_rules as select * from '{rules}'")
    return connection


def context(connection: duckdb.DuckDBPyConnection, names: list[str] | None = None) -> TrainingContext:
    return TrainingContext(connection, SPLIT, {"behaviour_features": names or NAMES}, 1, "planted", lambda *step: None)


def test_rules_that_leave_users_in_no_segment_stop_no_training() -> None:
    with behaviour() as connection:
        before = named_segments(connection)
        connection.execute(
            "delete from policies.segment_rules where coalesce(recency_min, recency_max, first_purchase_max, "
            "value_percentile_min, intent_min) is null or dimension = 'intent'"
        )
        connection.execute("update features.user_features set recency_days = null where user_id = 'u0'")
        after = named_segments(connection)
        assert after.keys() == before.keys()
        day = SPLIT.train[0]
        assert after[(day, "u0")][0] == UNNAMED
        assert {tier for _, tier in after.values()} == {"high_value", "medium_value", UNNAMED}
        assert TASK.train(context(connection)).card["clusters"]


def test_the_task_trains_a_model_that_passes_the_gate_and_is_measured_again() -> None:
    with behaviour() as connection:
        trained = TASK.train(context(connection))
        verdict = decide("behaviour_cluster", trained, None)
        assert verdict.serves, verdict.reason
        assert verdict.reached is not None
        assert 0.6 < verdict.reached < 0.95
        assert [one.other for one in verdict.comparisons] == [SEGMENTS, VALUE_TIERS, LIFE_CYCLE]
        scorer = scorer_from("behaviour_cluster", trained.kind, trained.files[trained.file])
        assert isinstance(scorer, BehaviourClusterScorer)
        assert [one.cluster for one in scorer.clusters] == [1, 2, 3]
        assert [line["cluster_name"] for line in trained.card["clusters"]] == [one.cluster_name for one in scorer.clusters]
        assert sum(one.user_share for one in scorer.clusters) == pytest.approx(1, abs=1e-5)
        as_json(trained.card)
        ari, same = TASK.evaluate(context(connection), scorer)
        assert ari.reached == pytest.approx(verdict.reached)
        assert set(ari.baselines) == {SEGMENTS, VALUE_TIERS, LIFE_CYCLE}
        assert ari.baselines[SEGMENTS] < 0.1
        assert ari.rows == 600
        assert 0.8 < same.reached < 1
        again = decide("behaviour_cluster", trained, scorer)
        assert not again.serves  # no better than itself


def test_clusters_that_do_not_last_are_refused_by_the_gate() -> None:
    with behaviour(moved=1.0) as connection:
        connection.execute("update features.user_features set recency_days = 9, value_percentile = 0.1 * user_id[-1]::int")
        trained = TASK.train(context(connection))
        verdict = decide("behaviour_cluster", trained, None)
        assert not verdict.serves
        assert SEGMENTS in verdict.reason


def test_a_champion_with_one_cluster_on_this_shop_can_be_beaten() -> None:
    constant = Clusters(np.zeros(3, dtype=np.float32), np.zeros(3, dtype=np.float32), np.eye(3, dtype=np.float32))
    champion = BehaviourClusterScorer("behaviour_cluster", to_onnx(constant, NAMED))
    features, group = planted(300, 3, 1)
    inputs, scores = np.concatenate([features, features]), np.concatenate([group, group])
    judge = AriJudge(300, draws=20)
    verdict = decide("behaviour_cluster", Trained("onnx_clusters", "", {}, {}, {}, judge, inputs, scores), champion)
    assert verdict.serves, verdict.reason
    assert verdict.comparisons[0].reached == 0
    with behaviour() as connection:
        ari, same = TASK.evaluate(context(connection), champion)
    assert (ari.reached, ari.interval) == (0, (0, 0))
    assert np.isnan(same.reached)
    assert same.note == "one cluster holds everyone"


def test_without_a_model_the_rules_are_still_told() -> None:
    with behaviour() as connection:
        (finding,) = TASK.evaluate(context(connection), None)
    assert np.isnan(finding.reached)
    assert finding.note == "no model serves"


def test_too_few_users_are_refused_in_one_line() -> None:
    with behaviour(users=400) as connection, pytest.raises(ThinData, match=r"^400 users came on three days .* needs 500$"):
        TASK.train(context(connection))
    with behaviour(users=600) as connection:
        connection.execute("delete from features.user_behaviour where as_of_date = ? and user_id > 'u2'", SPLIT.test)
        with pytest.raises(ThinData, match=r"users came often enough in both half-years; comparing them needs 250$"):
            TASK.train(context(connection))


def test_a_vector_of_another_width_is_refused() -> None:
    with behaviour() as connection, pytest.raises(ValueError, match="vectors of 3 features where 2 are named"):
        TASK.train(context(connection, ["visit_days", "order_value"]))


def _graph(**changes: Any) -> bytes:
    model = onnx.load_from_string(to_onnx(SMALL, NAMED))
    if "clusters" in changes:
        del model.metadata_props[:]
        entry = model.metadata_props.add()
        entry.key, entry.value = "clusters", changes["clusters"]
    return bytes(model.SerializeToString())


def _identity(element: int) -> bytes:
    graph = helper.make_graph(
        [helper.make_node("Identity", ["features"], ["cluster"])],
        "other",
        [helper.make_tensor_value_info("features", element, ["rows", 2])],
        [helper.make_tensor_value_info("cluster", element, ["rows", 2])],
    )
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no model", "onnxruntime can't load"),
        (_identity(TensorProto.INT32), "must have one input, float32"),
        (_identity(TensorProto.FLOAT), "must have one output, int32"),
        (_graph(clusters="nothing"), "must carry its clusters"),
        (_graph(clusters="[]"), "numbered from 1"),
        (_graph(clusters=json.dumps([NAMED[1]._asdict()])), "numbered from 1"),
    ],
)
def test_a_graph_that_cannot_serve_is_refused_by_name(content: bytes, message: str) -> None:
    with pytest.raises(ModelRefused, match=rf"^behaviour_cluster: .*{message}"):
        BehaviourClusterScorer("behaviour_cluster", content)


def test_names_and_numbers_are_read_in_sql(tmp_path: Path) -> None:
    import tiny_models

    tiny_models.write_models(tmp_path)
    registry = json.loads((tmp_path / "registry.json").read_text())
    registry["behaviour_cluster"] = tiny_models.entry(
        tmp_path, "behaviour_cluster/model.onnx", "onnx_clusters", to_onnx(SMALL, NAMED)
    )
    (tmp_path / "registry.json").write_text(json.dumps(registry))
    with duckdb.connect() as connection:
        register_functions(connection, {"models_folder": str(tmp_path)})
        assert connection.sql("select behaviour_cluster([3, 10]::float[]), behaviour_cluster(null)").fetchall() == [(1, None)]
        names = connection.sql("select unnest(cluster_names('behaviour_cluster'), recursive := true)").fetchall()
        assert names == [(one.cluster, one.cluster_name, one.user_share) for one in NAMED]
        assert connection.sql("select cluster_names('interest'), cluster_names(null)").fetchall() == [([], None)]
