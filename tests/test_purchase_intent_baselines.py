"""The baselines that the purchase-intent network has to beat."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("torch")

from sklearn.metrics import roc_auc_score

from models_onnx.purchase_intent import baselines
from models_onnx.purchase_intent.examples import IntentPart
from models_onnx.purchase_intent.training import Examples
from models_onnx.tabular.examples import Part

RANDOM = np.random.default_rng(3)
RATE = RANDOM.uniform(0.02, 0.8, 2000)
RECENCY = 1 + RANDOM.geometric(RATE) - 1.0
BUYS = (RANDOM.random(2000) < 1 - np.exp(-7 * RATE)).astype(float)


def test_the_rule_by_hand() -> None:
    scores = baselines.rule_scores(np.array([6.0]), np.array([42.0]))
    assert scores == pytest.approx(1 - np.exp(-1))


def test_the_rule_rises_with_visits_and_falls_with_time() -> None:
    few, many, long_ago = baselines.rule_scores(np.array([3.0, 9.0, 3.0]), np.array([50.0, 50.0, 300.0]))
    assert long_ago < few < many


def test_the_recent_rate_looks_at_its_window_only() -> None:
    rates = baselines.recent_rate(np.array([16.0, 16.0]), np.array([112.0, 365.0]))
    assert rates == pytest.approx(17 / 119)


def test_the_logistic_baseline_ranks_by_rate() -> None:
    scores = baselines.logistic_scores(RECENCY, RATE, BUYS, np.array([2.0, 40.0]), np.array([0.6, 0.03]))
    assert scores[0] > 0.8 > 0.5 > scores[1]


def part(rows: int, seed: int) -> IntentPart:
    """Users whose visits are a Poisson process, in the window features that the baselines read."""
    random = np.random.default_rng(seed)
    rate = random.uniform(0.02, 0.8, rows)
    observed = random.integers(60, 300, rows)
    features = np.column_stack(
        [random.geometric(rate), observed, random.binomial(np.minimum(observed, 112), rate), random.binomial(observed, rate)]
    ).astype(np.float32)
    labels = (random.random(rows) < 1 - np.exp(-7 * rate)).astype(np.float32)
    names = ["recency_days", "days_since_first_purchase", "visit_days_112d", "visit_days_364d"]
    tokens = np.ones((rows, 50), dtype=np.int32)
    return IntentPart(Examples(tokens, labels), Part(features, labels, np.arange(rows)), names)


def test_baselines_are_scored_on_validation_and_test_and_learn_from_train_alone() -> None:
    parts = {"train": part(800, 1), "validation": part(300, 2), "test": part(200, 3)}
    found = baselines.intent_baselines(parts)
    assert set(found) == {"rule: personal rate", "logistic: recency × rate"}
    for scores in found.values():
        assert {name: len(values) for name, values in scores.items()} == {"validation": 300, "test": 200}
        assert roc_auc_score(parts["test"].labels, scores["test"]) > 0.65
    again = baselines.intent_baselines(parts | {"test": part(100, 9)})
    for name in found:
        np.testing.assert_array_equal(found[name]["validation"], again[name]["validation"])


def test_the_rule_never_looks_back_on_more_days_than_its_count() -> None:
    """visit_days_364d counts 364 days, so the rate is over as many at the most."""
    parts = {"train": part(200, 1), "validation": part(5, 2), "test": part(5, 3)}
    old = parts["test"].windows.features
    old[:, 1], old[:, 3] = 2000, 52
    np.testing.assert_allclose(
        baselines.intent_baselines(parts)["rule: personal rate"]["test"], 1 - np.exp(-7 * 53 / 371), rtol=1e-6
    )
