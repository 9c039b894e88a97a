"""The baselines that the purchase-intent network has to beat."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from models_onnx.purchase_intent import baselines

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


def test_the_trees_take_missing_features_and_repeat_themselves() -> None:
    features = np.column_stack([RATE, RECENCY])
    features[::7, 1] = np.nan
    train = baselines.WindowExamples(features[:1500], BUYS[:1500])
    validation = baselines.WindowExamples(features[1500:], BUYS[1500:])
    first, second = (baselines.xgboost_scores(train, validation, features[1500:], threads=1) for _ in range(2))
    assert first.shape == (500,)
    assert np.array_equal(first, second)
    assert first[BUYS[1500:] == 1].mean() > first[BUYS[1500:] == 0].mean() + 0.1
