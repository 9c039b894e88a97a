"""Reasons of scores: contributions sum to the margin for every kind of model, and mean what they say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa
import pytest
import tiny_models
import xgboost
from numpy.typing import NDArray
from onnx import TensorProto

from models_onnx.tabular.logistic import Logistic, logistic_onnx
from udfs.duckdb_functions import register_functions
from udfs.log_odds import logit, sigmoid
from udfs.model_registry import MODELS_FOLDER, ModelRefused, ModelRegistry
from udfs.reasons import explain_column, explainer, in_two_orders
from udfs.scorer_kinds import scorer_from
from udfs.served_models import load_scorer
from udfs.sql_functions import SQL_FUNCTIONS

SUM_WITHIN = 1e-4
RANDOM = np.random.default_rng(11)


def features(width: int, rows: int = 200) -> NDArray[np.float32]:
    """Features of both signs, a tenth of them missing."""
    values = RANDOM.normal(size=(rows, width)).astype(np.float32)
    values[RANDOM.random(size=values.shape) < 0.1] = np.nan
    return values


def tokens(rows: int = 60) -> NDArray[np.int32]:
    """Sequences of 1 to 50 tokens, pads at the left."""
    found = RANDOM.integers(1, 10_000, size=(rows, 50)).astype(np.int32)
    found[np.arange(50) < RANDOM.integers(0, 50, size=rows)[:, None]] = 0
    return found


LOGISTIC = Logistic(
    pressed=np.array([False, True, False]),
    mean=np.array([1.0, 0.5, -0.5], dtype=np.float32),
    scale=np.array([2.0, 1.0, 0.5], dtype=np.float32),
    gaps=np.array([0]),
    weights=np.array([1.0, -1.0, 0.5, 3.0], dtype=np.float32),
    bias=0.25,
)
LINEAR_EFFECT = {"weights": [2.0, -1.0], "bias": 0.5, "inputs": [0, 2], "missing": [0.25, 1.0], "feature_count": 3}
RULE = {"feature": "x", "index": 1, "feature_count": 3, "points": [[-1, 0.1], [1, 0.7]], "missing": 0.5}
EVENT_RULE = {"input": "tokens", "feature": "events", "points": [[1, 0.2], [50, 0.9]], "missing": 0.5}


def encoded(content: object) -> bytes:
    return json.dumps(content).encode()


def pinned(content: bytes, kind: str, **more: object) -> dict[str, object]:
    return {"file": kind, "sha256": hashlib.sha256(content).hexdigest(), "kind": kind, **more}


def small_booster(width: int, seed: int) -> bytes:
    drawn = np.random.default_rng(seed)
    rows = drawn.normal(size=(400, width)).astype(np.float32)
    labels = (rows[:, 0] * rows[:, -1] + drawn.normal(size=400) > 0).astype(np.float32)
    settings = {"objective": "binary:logistic", "max_depth": 3, "nthread": 1, "seed": seed}
    return bytes(xgboost.train(settings, xgboost.DMatrix(rows, labels), 12).save_raw("ubj"))


TREES, MORE_TREES, OUTCOME = small_booster(3, 1), small_booster(3, 2), small_booster(4, 3)
NETWORK = tiny_models.intent_model(TensorProto.INT32)
BLEND = {
    "members": [pinned(TREES, "xgboost", weight=0.7), pinned(logistic_onnx(LOGISTIC), "onnx_features", weight=0.4)],
    "slope": 1.3,
    "intercept": -0.4,
}
WIDE_BLEND = {
    "members": [pinned(NETWORK, "onnx", weight=0.5), pinned(TREES, "xgboost", weight=0.5, argument=1)],
    "slope": 0.9,
    "intercept": 0.2,
}
UPLIFT = {"members": {"treated": pinned(TREES, "a"), "control": pinned(MORE_TREES, "b"), "outcome": pinned(OUTCOME, "c")}}
for _member in UPLIFT["members"].values():
    _member["kind"] = "xgboost"
FILES = {"xgboost": TREES, "onnx_features": logistic_onnx(LOGISTIC), "onnx": NETWORK, "a": TREES, "b": MORE_TREES, "c": OUTCOME}

CASES = {
    "trees": ("xgboost", TREES, features(3), "exact", "approximate"),
    "network": ("onnx", NETWORK, tokens(), "occlusion", "occlusion"),
    "logistic": ("onnx_features", logistic_onnx(LOGISTIC), features(3), "occlusion", "occlusion"),
    "linear": ("linear", tiny_models.linear_model(), features(7), "exact", "exact"),
    "linear effect": ("linear_effect", encoded(LINEAR_EFFECT), features(3), "exact", "exact"),
    "rule": ("rule", encoded(RULE), features(3), "exact", "exact"),
    "rule of events": ("rule", encoded(EVENT_RULE), tokens(), "exact", "exact"),
    "blend": ("blend", encoded(BLEND), features(3), "occlusion", "approximate"),
    "blend of two arguments": (
        "blend", encoded(WIDE_BLEND), np.column_stack([tokens(200), features(3)]).astype(np.float32), "occlusion", "approximate",
    ),
    "uplift": ("uplift", encoded(UPLIFT), features(3), "rescaled", "approximate"),
}  # fmt: skip


@pytest.mark.parametrize("fast", [False, True], ids=["exact", "fast"])
@pytest.mark.parametrize("case", CASES)
def test_contributions_sum_to_the_margin(case: str, fast: bool) -> None:
    kind, content, batch, attribution, fast_attribution = CASES[case]
    scorer = explainer(scorer_from("model", kind, content, FILES))
    scores = scorer.score(batch).astype(np.float64)
    contributions = scorer.explain(batch, fast)
    margins = scores if kind == "uplift" else logit(scores)
    assert contributions.shape == (len(batch), batch.shape[1] + (2 if kind == "uplift" else 1))
    np.testing.assert_allclose(contributions.sum(axis=1), margins, atol=SUM_WITHIN)
    assert scorer.attribution(fast) == (fast_attribution if fast else attribution)
    np.testing.assert_array_equal(scorer.explain(batch, fast), contributions)  # the same reasons every time
    if kind not in ("uplift", "rule"):  # elsewhere the base value is the model's, whoever is asked about
        assert np.ptp(contributions[:, -1]) < 1e-6


@pytest.fixture(scope="module")
def functions() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        register_functions(connection)
        yield connection


def test_every_registered_score_tells_reasons_that_sum_to_its_margin(functions: duckdb.DuckDBPyConnection) -> None:
    registry = ModelRegistry(MODELS_FOLDER)
    for function in SQL_FUNCTIONS:
        if not function.has_reasons:
            continue
        scorer = explainer(load_scorer(registry, function.model()))
        widths = {"INTEGER[]": [50], "FLOAT[]": [scorer.feature_count]}[function.arguments[0]]  # type: ignore[attr-defined]
        if len(function.arguments) == 2:
            widths = [50, 62]
        arguments = ", ".join(
            f"[hash(i, {place}, j) % {1000 if kind == 'INTEGER[]' else 9} + 1 for j in range({width})]::{kind}"
            for place, (kind, width) in enumerate(zip(function.arguments, widths, strict=True))
        )
        names = ", ".join("ab"[: len(widths)])
        rows = f"(select {arguments} from range(40) as t(i)) as t({names})"
        for reasons, fast in function.reasons.items():
            told = f"{reasons}({names})"
            score, total, length = (
                functions.execute(f"select {function.name}({names}), list_sum({told}), len({told}) from {rows}")
                .fetchnumpy()
                .values()
            )
            is_difference = function.name == "promo_effect"
            np.testing.assert_allclose(total, score if is_difference else logit(score), atol=SUM_WITHIN)
            assert set(length) == {sum(widths) + 1 + is_difference}
            (method,) = functions.execute("select reasons_method(?)", [reasons]).fetchall()[0]
            assert method == scorer.attribution(fast)


def test_reasons_are_null_where_the_score_is(functions: duckdb.DuckDBPyConnection) -> None:
    row = functions.execute("select churn_risk_reasons(null), churn_risk_reasons([1, 2]), reasons_method(null)").fetchall()
    assert row == [(None, None, None)]


def test_what_tells_no_reasons_is_refused_by_name(functions: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error, match="topics_reasons: no such function tells reasons"):
        functions.execute("select reasons_method('topics_reasons')")
    scorer = load_scorer(ModelRegistry(MODELS_FOLDER), "topics")
    with pytest.raises(ModelRefused, match="topics: TopicScorer tells no reasons"):
        explain_column(scorer, False, pa.array([["a"]]), pa.array([[1.0]]))


def test_tree_shap_is_xgboosts_own() -> None:
    batch = features(3)
    booster = xgboost.Booster()
    booster.load_model(bytearray(TREES))
    expected = booster.predict(xgboost.DMatrix(batch, missing=np.nan), pred_contribs=True)
    scorer = explainer(scorer_from("model", "xgboost", TREES))
    np.testing.assert_allclose(scorer.explain(batch, fast=False), expected, atol=1e-6)


def test_a_linear_pair_shares_its_product() -> None:
    scorer = explainer(scorer_from("model", "linear", tiny_models.linear_model(weights=[2.0, -1.0, 0.5], bias=-0.25)))
    found = scorer.explain(np.array([[0.8, 0.2, 0.1, 0.9, 0.1, 0.2, 7.0]], dtype=np.float32), fast=False)
    np.testing.assert_allclose(found, [[0.72, -0.01, 0.005, 0.72, -0.01, 0.005, 0, -0.25]], atol=1e-6)


def test_a_logistic_regression_tells_coefficient_times_centred_value() -> None:
    scorer = explainer(scorer_from("model", "onnx_features", logistic_onnx(LOGISTIC)))
    found = scorer.explain(np.array([[3.0, 0.0, np.nan]], dtype=np.float32), fast=False)
    # (3 - 1) / 2 · 1 less the weight of not knowing it; (0 - 0.5) · -1; unknown is the mean; bias and the weight of not knowing
    np.testing.assert_allclose(found, [[1.0 - 3.0, 0.5, 0.0, 0.25 + 3.0]], atol=1e-5)


def test_occlusion_is_the_mean_of_both_orders() -> None:
    def margins(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        known = np.nan_to_num(rows.astype(np.float64))
        return known[:, 0] * known[:, 1] + known[:, 2] + 1

    found = in_two_orders(margins, np.array([[2.0, 3.0, 5.0]], dtype=np.float32), np.nan)
    np.testing.assert_allclose(found, [[3.0, 3.0, 5.0, 1.0]])  # the product of 6 is shared, the sum is not


def test_an_event_counts_what_it_adds_to_newer_and_to_older_ones() -> None:
    scorer = explainer(scorer_from("model", "onnx", NETWORK))
    sequence = np.zeros((1, 50), dtype=np.int32)
    sequence[0, -2:] = [5, 9_999]

    def margin(*events: int) -> float:
        return float(logit(tiny_models.intent_answer([0] * (50 - len(events)) + list(events))))

    older = ((margin(5, 9_999) - margin(9_999)) + (margin(5) - margin())) / 2
    newer = ((margin(9_999) - margin()) + (margin(5, 9_999) - margin(5))) / 2
    found = scorer.explain(sequence, fast=False)[0]
    np.testing.assert_allclose(found[-3:], [older, newer, margin()], atol=1e-5)
    assert not found[:-3].any()  # a pad is no event


def test_a_blends_base_value_carries_its_calibration() -> None:
    batch = features(3)
    plain = {**BLEND, "slope": 1.0, "intercept": 0.0}
    calibrated = explainer(scorer_from("model", "blend", encoded(BLEND), FILES)).explain(batch, fast=False)
    raw = explainer(scorer_from("model", "blend", encoded(plain), FILES)).explain(batch, fast=False)
    np.testing.assert_allclose(calibrated[:, :-1], 1.3 * raw[:, :-1])
    np.testing.assert_allclose(calibrated[:, -1], 1.3 * raw[:, -1] - 0.4)


def test_a_blend_sums_to_its_margin_where_a_member_is_all_but_sure() -> None:
    sure = {**RULE, "points": [[-1, 0.0], [1, 1.0]], "feature_count": 3}
    content = encoded(sure)
    blend = {"members": [pinned(content, "rule", weight=1.0)], "slope": 1.0, "intercept": 0.5}
    scorer = explainer(scorer_from("model", "blend", encoded(blend), {"rule": content}))
    batch = np.array([[0, 1, 0], [0, -1, 0]], dtype=np.float32)
    np.testing.assert_allclose(sigmoid(scorer.explain(batch, fast=False).sum(axis=1)), scorer.score(batch), atol=1e-6)


def test_a_difference_of_probabilities_is_told_in_probabilities() -> None:
    one_model = {"members": {"outcome": {**pinned(OUTCOME, "c"), "kind": "xgboost"}}}
    scorer = explainer(scorer_from("model", "uplift", encoded(one_model), FILES))
    found = scorer.explain(features(3), fast=False)
    assert abs(found[:, -1]).max() < 1e-9  # one model asked twice begins both times at the same place
    assert abs(found).max() < 1
    assert abs(found[:, 0]).max() > 0  # the treatment's own
