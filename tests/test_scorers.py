"""Every scorer passes the shared contract; then what is particular to each one."""

from __future__ import annotations

import hashlib
import json
import os
import threading

import numpy as np
import pyarrow as pa
import pytest
import tiny_models
import xgboost
from onnx import TensorProto
from scorer_contract import ScorerCase, ScorerContract

from models_onnx.promo_effect.linear_form import fitted_linear_form
from models_onnx.tabular.blend import Member, blend_json
from models_onnx.tabular.logistic import Logistic, logistic_onnx
from udfs import thread_pool
from udfs.boosted import BoostedScorer
from udfs.feature_network import FeatureNetworkScorer
from udfs.interest import LinearInterestScorer
from udfs.model_registry import MODELS_FOLDER, REGISTRY_FILE, ModelRefused, ModelRegistry
from udfs.promo_effect import LinearEffectScorer
from udfs.purchase_intent import PurchaseIntentScorer
from udfs.rule import RuleScorer
from udfs.scorer import score_column
from udfs.scorer_kinds import scorer_from
from udfs.served_models import load_scorer
from udfs.thread_pool import core_count, map_pieces

WORKED_EXAMPLE = [0.8, 0.2, 0.1, 0.9, 0.1, 0.2]
"""The article's u and p; with W = [1, 1, 1] and b = 0 the score is sigmoid(0.76)."""


def token_lists(rows: int = 300) -> pa.Array:
    """Lists of 1 to 119 tokens, newest last."""
    rng = np.random.default_rng(3)
    lists = [rng.integers(1, 10_000, size=1 + row % 119).tolist() for row in range(rows)]
    return pa.array(lists, type=pa.list_(pa.int32()))


def feature_lists(width: int, rows: int = 300) -> pa.Array:
    """Lists of `width` features, some of them NULL."""
    features = np.random.default_rng(4).normal(size=(rows, width))
    missing = np.random.default_rng(5).random(size=features.shape) < 0.1
    lists = [
        [None if gone else value for value, gone in zip(*row, strict=True)]
        for row in zip(features.tolist(), missing.tolist(), strict=True)
    ]
    return pa.array(lists, type=pa.list_(pa.float32()))


def rule_of(points: list[list[float]], width: int, index: int = 0) -> bytes:
    rule = {"feature": "x", "index": index, "feature_count": width, "points": points, "missing": 0.5}
    return json.dumps(rule).encode()


UNSCORABLE_TOKENS = pa.array([None, [], [0] * 50, [0, None], [10_000], [1, -1]], type=pa.list_(pa.int32()))


def unscorable_features(width: int) -> pa.Array:
    return pa.array([None, [], [0.5] * (width - 1), [0.5] * (width + 1)], type=pa.list_(pa.float32()))


@pytest.mark.parametrize("case", [TensorProto.INT32, TensorProto.INT64], indirect=True, ids=["int32", "int64"])
class TestPurchaseIntent(ScorerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def case(cls, request: pytest.FixtureRequest) -> ScorerCase:
        full = [(37 * place) % 9_999 + 1 for place in range(50)]
        known: list[tuple[list[float | None], float]] = [
            ([*full], tiny_models.intent_answer(full)),
            ([5, 9_999], tiny_models.intent_answer([0] * 48 + [5, 9_999])),
            ([5, None, 7], tiny_models.intent_answer([0] * 47 + [5, 0, 7])),
            ([8_000, 9_000, *full], tiny_models.intent_answer(full)),
        ]
        scorer = PurchaseIntentScorer("purchase_intent", tiny_models.intent_model(request.param))
        return ScorerCase(scorer, token_lists(), UNSCORABLE_TOKENS, known)


class TestLinearInterest(ScorerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def case(cls) -> ScorerCase:
        known: list[tuple[list[float | None], float]] = [
            ([*WORKED_EXAMPLE, 42.0], 0.6813537),
            ([*WORKED_EXAMPLE, None], 0.6813537),
            ([0.8, None, 0.1, 0.9, 0.1, float("nan"), 0.0], 0.6726070),  # sigmoid(0.72)
            ([0.0] * 7, 0.5),
            ([3e38, 0.0, 0.0, 3e38, 0.0, 0.0, 0.0], 1.0),
            ([3e38, 0.0, 0.0, -3e38, 0.0, 0.0, 0.0], 0.0),
            ([3e38, 3e38, 0.0, 3e38, -3e38, 0.0, 0.0], 0.5),
        ]
        scorer = LinearInterestScorer("interest_linear", tiny_models.linear_model())
        return ScorerCase(scorer, feature_lists(7), unscorable_features(7), known)

    def test_weights_and_bias_count(self) -> None:
        content = tiny_models.linear_model(weights=[2.0, -1.0, 0.5], bias=-0.25, feature_count=6)
        scorer = LinearInterestScorer("interest_linear", content)
        logit = 2 * 0.72 - 0.02 + 0.5 * 0.02 - 0.25
        scores = scorer.score(np.array([WORKED_EXAMPLE], dtype=np.float32))
        np.testing.assert_allclose(scores, 1 / (1 + np.exp(-logit)), atol=1e-6)


class TestBoostedInterest(ScorerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def case(cls) -> ScorerCase:
        features = tiny_models.booster_examples()
        model = xgboost.Booster()
        model.load_model(bytearray(tiny_models.booster()))
        answers = model.predict(xgboost.DMatrix(features))
        known = [
            ([None if np.isnan(value) else float(value) for value in row], float(answer))
            for row, answer in zip(features, answers, strict=True)
        ]
        width = tiny_models.FEATURES
        scorer = BoostedScorer("interest", tiny_models.booster())
        return ScorerCase(scorer, feature_lists(width), unscorable_features(width), known)

    def test_trees_after_the_best_iteration_are_left_out(self) -> None:
        features = tiny_models.booster_examples()
        model = xgboost.Booster()
        model.load_model(bytearray(tiny_models.booster()))
        expected = model.predict(xgboost.DMatrix(features), iteration_range=(0, 4))
        scorer = BoostedScorer("interest", tiny_models.booster(best_iteration=3))
        np.testing.assert_allclose(scorer.score(features), expected, atol=1e-6)


def uplift(**members: bytes) -> bytes:
    """uplift.json over rules, which are the simplest members there are."""
    lines = {
        role: {"file": role, "sha256": hashlib.sha256(content).hexdigest(), "kind": "rule"} for role, content in members.items()
    }
    return json.dumps({"members": lines}).encode()


TREATED = rule_of([[0, 0.2], [1, 0.8]], width=3)
CONTROL = rule_of([[0, 0.5], [1, 0.3]], width=3)
OUTCOME = rule_of([[0, 0.1], [1, 0.7]], width=4, index=3)


@pytest.mark.parametrize(
    "case",
    [
        # answers to x = 0, x = 1 and x unknown; the one model's answer rises by .6 with the treatment, whatever x is
        ({"treated": TREATED, "control": CONTROL}, [-0.3, 0.5, 0.0]),
        ({"outcome": OUTCOME}, [0.6, 0.6, 0.6]),
        ({"treated": TREATED, "control": CONTROL, "outcome": OUTCOME}, [0.15, 0.55, 0.3]),
    ],
    indirect=True,
    ids=["two models", "one model", "both"],
)
class TestUplift(ScorerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def case(cls, request: pytest.FixtureRequest) -> ScorerCase:
        members, answers = request.param
        scorer = scorer_from("promo_effect", "uplift", uplift(**members), members)
        rows: list[list[float | None]] = [[0, 9, 9], [1, 9, 9], [None, 9, 9]]
        known = list(zip(rows, answers, strict=True))
        return ScorerCase(scorer, feature_lists(3), unscorable_features(3), known, lowest=-1.0)


class TestLinearEffect(ScorerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def case(cls) -> ScorerCase:
        form = {"weights": [2.0, -1.0], "bias": 0.5, "inputs": [0, 2], "missing": [0.25, 1.0], "feature_count": 3}
        known: list[tuple[list[float | None], float]] = [
            ([0.5, 9.0, 1.0], 0.6224593),  # sigmoid(0.5)
            ([None, 9.0, None], 0.5),
            ([3e38, 0.0, 0.0], 1.0),
            ([-3e38, 0.0, 0.0], 0.0),
        ]
        scorer = LinearEffectScorer("promo_effect_linear", json.dumps(form).encode())
        return ScorerCase(scorer, feature_lists(3), unscorable_features(3), known)

    def test_the_fitted_form_finds_the_weights_it_was_drawn_from(self) -> None:
        random = np.random.default_rng(1)
        features = random.normal(size=(40_000, 3)).astype(np.float32)
        features[::50, 2] = np.nan
        logits = 1.5 * features[:, 0] - np.nan_to_num(features[:, 2]) - 1
        bought = (random.random(len(features)) < 1 / (1 + np.exp(-logits))).astype(np.float32)
        form = json.loads(fitted_linear_form(features, bought, ["i", "x", "p"], ["i", "p"]))
        assert (form["inputs"], form["feature_count"]) == ([0, 2], 3)
        np.testing.assert_allclose([*form["weights"], form["bias"]], [1.5, -1, -1], atol=0.07)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no model", "must be JSON with members"),
        (b'{"members": {"treated": {"file": "a"}}}', "KeyError: 'sha256'"),
        (uplift(treated=TREATED), "needs the members treated and control, or outcome, or all three"),
        (uplift(treated=TREATED, control=OUTCOME), "feature vectors of one length"),
        (uplift(treated=TREATED, control=CONTROL, outcome=TREATED), "feature vectors of one length"),
        (uplift(treated=TREATED, control=rule_of([[0, 1]], width=3)), "control is not the file that was pinned"),
    ],
)
def test_an_uplift_model_that_cannot_serve_is_refused_by_name(content: bytes, message: str) -> None:
    files = {"treated": TREATED, "control": OUTCOME if message.startswith("feature") and b"outcome" not in content else CONTROL}
    with pytest.raises(ModelRefused, match=rf"^promo_effect: .*{message}.*"):
        scorer_from("promo_effect", "uplift", content, files | {"outcome": TREATED})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": []}, "needs one input and one stand-in a weight"),
        ({"inputs": [0, 3]}, "lies outside 3 features"),
        ({"bias": float("nan")}, "must be finite"),
        ({"missing": None}, "must be JSON with weights"),
    ],
)
def test_a_linear_effect_that_cannot_serve_is_refused_by_name(change: dict[str, object], message: str) -> None:
    form = {"weights": [2.0, -1.0], "bias": 0.5, "inputs": [0, 2], "missing": [0.25, 1.0], "feature_count": 3} | change
    with pytest.raises(ModelRefused, match=rf"^promo_effect_linear: .*{message}"):
        LinearEffectScorer("promo_effect_linear", json.dumps(form).encode())


class TestLogistic(ScorerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def case(cls) -> ScorerCase:
        model = Logistic(
            pressed=np.array([False, True]),
            mean=np.array([1.0, 0.5], dtype=np.float32),
            scale=np.array([2.0, 1.0], dtype=np.float32),
            gaps=np.array([0]),
            weights=np.array([1.0, -1.0, 3.0], dtype=np.float32),
            bias=0.25,
        )
        known: list[tuple[list[float | None], float]] = [
            ([3.0, 0.0], 0.851953),  # σ(1 + 0.5 + 0.25)
            ([None, None], 0.962673),  # the means, and the indicator of the first: σ(3 + 0.25)
            ([1.0, -(np.e - 1)], 0.851953),  # pressed to -1: σ(1.5 + 0.25)
            ([1e30, 0.0], 0.999841),  # eight deviations at the most: σ(8 + 0.5 + 0.25)
        ]
        scorer = FeatureNetworkScorer("churn_risk", logistic_onnx(model))
        return ScorerCase(scorer, feature_lists(2), unscorable_features(2), known)


class TestRule(ScorerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def case(cls) -> ScorerCase:
        known: list[tuple[list[float | None], float]] = [
            ([9.0, 0.0, 9.0], 0.2),
            ([9.0, 1.0, 9.0], 0.4),
            ([9.0, 99.0, 9.0], 0.6),
            ([9.0, None, 9.0], 0.1),
        ]
        return ScorerCase(RuleScorer("churn_risk", rule()), feature_lists(3), unscorable_features(3), known)

    def test_a_rule_over_tokens_counts_events(self) -> None:
        scorer = RuleScorer("purchase_intent", rule(input="tokens", index=None, feature_count=None))
        tokens = pa.array([[7], [7, 7, 7], None, [0, 0]], type=pa.list_(pa.int32()))
        assert score_column(scorer, tokens).to_pylist() == pytest.approx([0.4, 0.6, None, None])

    def test_a_rule_reads_the_argument_of_its_number(self) -> None:
        scorer = RuleScorer("purchase_intent_blend", rule(argument=1))
        tokens = pa.array([[7], [7]], type=pa.list_(pa.int32()))
        features = pa.array([[0, 1, 0], None], type=pa.list_(pa.float32()))
        assert score_column(scorer, tokens, features).to_pylist() == pytest.approx([0.4, None])


class TestBlend(ScorerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def case(cls) -> ScorerCase:
        """Trees and a rule, 3 : 1, on the logit scale, then calibrated."""
        width = tiny_models.FEATURES
        trees, beside = tiny_models.booster(), rule(feature_count=width)
        members = [Member("trees.ubj", "xgboost", trees, 0.75), Member("rule.json", "rule", beside, 0.25)]
        content = blend_json(members, list("abcdefgh"), slope=2.0, intercept=-1.0)
        features = tiny_models.booster_examples()
        model = xgboost.Booster()
        model.load_model(bytearray(trees))
        first, second = model.predict(xgboost.DMatrix(features)), RuleScorer("rule", beside).score(features)
        logits = 0.75 * np.log(first / (1 - first)) + 0.25 * np.log(second / (1 - second))
        known = [
            ([None if np.isnan(value) else float(value) for value in row], float(1 / (1 + np.exp(1 - 2 * logit))))
            for row, logit in zip(features, logits, strict=True)
        ]
        scorer = scorer_from("churn_risk", "blend", content, {"trees.ubj": trees, "rule.json": beside})
        return ScorerCase(scorer, feature_lists(width), unscorable_features(width), known)


def rule(**changes: object) -> bytes:
    points = [[0.0, 0.2], [2.0, 0.6]]
    fields = {"index": 1, "feature_count": 3, "points": points, "missing": 0.1} | changes
    return json.dumps({key: value for key, value in fields.items() if value is not None}).encode()


SHIPPED = MODELS_FOLDER / REGISTRY_FILE
SHIPPED_KINDS = {name: entry["kind"] for name, entry in json.loads(SHIPPED.read_text()).items()} if SHIPPED.exists() else {}


@pytest.mark.skipif(not SHIPPED_KINDS, reason="no models are shipped yet: models_onnx/registry.json is absent or empty")
@pytest.mark.parametrize("case", list(SHIPPED_KINDS), indirect=True)
class TestShippedModels(ScorerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def case(cls, request: pytest.FixtureRequest) -> ScorerCase:
        kind = SHIPPED_KINDS[request.param]
        if kind not in ("onnx", "onnx_features", "xgboost", "linear", "blend"):
            pytest.skip(f"{request.param} answers no probability to one list: its kind is {kind}")
        scorer = load_scorer(ModelRegistry(), request.param)
        if kind == "onnx":
            return ScorerCase(scorer, token_lists(), UNSCORABLE_TOKENS)
        width = getattr(scorer, "feature_count", None)
        if width is None:
            pytest.skip(f"{request.param} reads more than one list")
        return ScorerCase(scorer, feature_lists(width), unscorable_features(width))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no model", "onnxruntime can't load"),
        (tiny_models.intent_model(TensorProto.INT32, 49), r"int32 or int64 \[rows, 50\], but has tokens"),
    ],
)
def test_a_network_that_cannot_serve_is_refused_by_name(content: bytes, message: str) -> None:
    with pytest.raises(ModelRefused, match=rf"^purchase_intent: .*{message}.*") as refusal:
        PurchaseIntentScorer("purchase_intent", content)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no model", "xgboost can't load"),
        (tiny_models.booster("reg:squarederror"), "reg:squarederror, which predicts no probability"),
    ],
)
def test_a_booster_that_cannot_serve_is_refused_by_name(content: bytes, message: str) -> None:
    with pytest.raises(ModelRefused, match=rf"^interest: .*{message}.*") as refusal:
        BoostedScorer("interest", content)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no model", "must be JSON"),
        (b"[1, 2]", "must be JSON"),
        (tiny_models.linear_model(bias=None), "KeyError: 'bias'"),
        (tiny_models.linear_model(pairs=float("inf")), "OverflowError"),
        (tiny_models.linear_model(pairs=2), "3 weights for 2 pairs"),
        (tiny_models.linear_model(feature_count=5), "3 pairs in 5 features"),
        (tiny_models.linear_model(weights=[], pairs=0), "0 weights"),
        (tiny_models.linear_model(bias=float("nan")), "must be finite"),
        (tiny_models.linear_model(weights=[1.0, float("inf"), 1.0]), "must be finite"),
    ],
)
def test_a_linear_model_that_cannot_serve_is_refused_by_name(content: bytes, message: str) -> None:
    with pytest.raises(ModelRefused, match=rf"^interest_linear: .*{message}.*"):
        LinearInterestScorer("interest_linear", content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no model", "must be JSON"),
        (rule(index=None), "KeyError: 'index'"),
        (rule(index=3), "a feature within its vector"),
        (rule(points=[[0, 0.1], [0, 0.2]]), "points of rising x"),
        (rule(points=[[0, 1.1]]), "p within 0..1"),
        (rule(points=[]), "points of rising x"),
        (rule(missing=float("nan")), "p within 0..1"),
        (rule(input="clicks"), "a feature within its vector"),
    ],
)
def test_a_rule_that_cannot_serve_is_refused_by_name(content: bytes, message: str) -> None:
    with pytest.raises(ModelRefused, match=rf"^churn_risk: .*{message}.*"):
        RuleScorer("churn_risk", content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no model", "must be JSON"),
        (b'{"members": [], "slope": 1, "intercept": 0}', "needs members"),
        (b'{"members": [{"file": "a"}], "slope": 1, "intercept": 0}', "KeyError: 'sha256'"),
        (blend_json([Member("a", "rule", rule(), 1.0)], [], slope=float("nan")), "finite numbers"),
        (blend_json([Member("a", "rule", rule(), 1.0, argument=1)], []), "arguments counted from 0"),
        (blend_json([Member("a", "guess", rule(), 1.0)], []), "kind guess, but"),
        (blend_json([Member("a", "rule", b"{}", 1.0)], []), "a is not the file that was pinned"),
        (
            blend_json([Member("a", "rule", rule(), 0.5), Member("b", "rule", rule(feature_count=4), 0.5)], []),
            "vectors of different lengths",
        ),
    ],
)
def test_a_blend_that_cannot_serve_is_refused_by_name(content: bytes, message: str) -> None:
    with pytest.raises(ModelRefused, match=rf"^churn_risk: .*{message}.*"):
        scorer_from("churn_risk", "blend", content, {"a": rule(), "b": rule(feature_count=4)})


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"no model", "onnxruntime can't load"), (tiny_models.intent_model(), r"float32 \[rows, features\], but has tokens")],
)
def test_a_graph_that_cannot_serve_is_refused_by_name(content: bytes, message: str) -> None:
    with pytest.raises(ModelRefused, match=rf"^churn_risk: .*{message}.*") as refusal:
        FeatureNetworkScorer("churn_risk", content)
    assert "\n" not in str(refusal.value)


def test_the_cores_are_those_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3, 5}, raising=False)
    assert core_count() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert core_count() == 7


def test_pieces_keep_row_order_and_size() -> None:
    sizes: list[int] = []

    def score(piece: np.ndarray) -> np.ndarray:
        sizes.append(len(piece))
        return piece[:, 0]

    batch = np.arange(300, dtype=np.float32).reshape(-1, 1)
    np.testing.assert_array_equal(map_pieces(score, batch, 128), batch[:, 0])
    assert sorted(sizes) == [44, 128, 128]


def test_pieces_run_side_by_side() -> None:
    # With one core there is one worker, and nothing to meet.
    meeting = threading.Barrier(min(2, core_count()), timeout=10)

    def score(piece: np.ndarray) -> np.ndarray:
        meeting.wait()
        return piece[:, 0]

    map_pieces(score, np.zeros((2, 1), dtype=np.float32), 1)


def test_a_batch_is_cut_to_fill_idle_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_pool, "core_count", lambda: 2)
    sizes: list[int] = []

    def score(piece: np.ndarray) -> np.ndarray:
        sizes.append(len(piece))
        return piece[:, 0]

    map_pieces(score, np.zeros((2_048, 1), dtype=np.float32), 2_048)
    assert sizes == [1_024, 1_024]


def test_where_other_calls_keep_the_cores_busy_a_batch_stays_whole_in_its_own_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_pool, "core_count", lambda: 2)
    scored: list[tuple[int, threading.Thread]] = []

    def beside(piece: np.ndarray) -> np.ndarray:
        scored.append((len(piece), threading.current_thread()))
        return piece[:, 0]

    def outer(piece: np.ndarray) -> np.ndarray:  # a call that goes on while the other one comes
        other = threading.Thread(target=lambda: map_pieces(beside, np.zeros((2_048, 1), dtype=np.float32), 2_048))
        other.start()
        other.join(timeout=10)
        assert scored == [(2_048, other)]
        return piece[:, 0]

    map_pieces(outer, np.zeros((1, 1), dtype=np.float32), 1)
    assert scored


def test_what_a_piece_raises_is_raised() -> None:
    def score(piece: np.ndarray) -> np.ndarray:
        raise ValueError("piece failed")

    with pytest.raises(ValueError, match="piece failed"):
        map_pieces(score, np.zeros((4, 1), dtype=np.float32), 1)
