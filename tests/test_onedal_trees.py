"""Boosted trees in oneDAL answer as in xgboost, whatever the batch, and xgboost answers where oneDAL can't."""

import importlib.util

import numpy as np
import pytest
import tiny_models
import xgboost
from numpy.typing import NDArray

from udfs.boosted import BoostedScorer
from udfs.onedal_trees import onedal_log_odds

ROWS = 5_000


def counted_features(rows: int = ROWS) -> NDArray[np.float32]:
    """Whole numbers, which lie on the thresholds of trees learned from them, and some missing values."""
    random = np.random.default_rng(11)
    features = random.integers(0, 12, size=(rows, 6)).astype(np.float32)
    features[random.random(features.shape) < 0.1] = np.nan
    return features


def trees(**settings: object) -> xgboost.Booster:
    """Sixty trees on such features."""
    features = counted_features()
    labels = np.nan_to_num(features[:, 0] - features[:, 1]) + np.nan_to_num(features[:, 2]) > 3
    learned = {"objective": "binary:logistic", "max_depth": 5, "nthread": 1, "seed": 1} | settings
    return xgboost.train(learned, xgboost.DMatrix(features, labels), 60)


def scorer_of(booster: xgboost.Booster) -> BoostedScorer:
    return BoostedScorer("interest", bytes(booster.save_raw("ubj")))


@pytest.mark.skipif(importlib.util.find_spec("daal4py") is None, reason="oneDAL has no build for this machine")
class TestServedByOneDal:
    @pytest.mark.parametrize(
        "settings",
        [
            {},
            {"objective": "reg:logistic"},
            {"num_parallel_tree": 3, "subsample": 0.6},
            {"tree_method": "exact"},
            {"base_score": 0.01},
        ],
        ids=["as trained", "regression", "parallel trees", "exact splits", "rare"],
    )
    def test_scores_are_those_of_xgboost(self, settings: dict[str, object]) -> None:
        booster = trees(**settings)
        features = counted_features()
        assert onedal_log_odds(booster) is not None
        np.testing.assert_allclose(scorer_of(booster).score(features), booster.inplace_predict(features), atol=1e-6, rtol=0)

    def test_values_beside_a_threshold_go_its_way(self) -> None:
        booster = trees(max_depth=2)
        table = booster.trees_to_dataframe()
        thresholds = table["Split"].dropna().to_numpy().astype(np.float32)
        beside = [thresholds, np.nextafter(thresholds, np.float32(-np.inf)), np.nextafter(thresholds, np.float32(np.inf))]
        features = np.tile(np.concatenate(beside)[:, None], (1, 6))
        np.testing.assert_allclose(scorer_of(booster).score(features), booster.inplace_predict(features), atol=1e-6, rtol=0)

    @pytest.mark.parametrize("rows", [1, 7, 79, 80, 1_000, 2_048])
    def test_a_score_is_the_same_in_every_batch(self, rows: int) -> None:
        scorer = scorer_of(trees())
        features = counted_features()
        pieces = [scorer.score(features[start : start + rows]) for start in range(0, len(features), rows)]
        np.testing.assert_array_equal(np.concatenate(pieces), scorer.score(features))

    def test_no_rows_are_no_scores(self) -> None:
        assert scorer_of(trees()).score(np.empty((0, 6), dtype=np.float32)).shape == (0,)


class TestServedByXgboost:
    def test_where_there_is_no_build(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("udfs.onedal_trees.importlib.util.find_spec", lambda name: None)
        booster = trees()
        features = counted_features()
        assert onedal_log_odds(booster) is None
        np.testing.assert_array_equal(scorer_of(booster).score(features), booster.inplace_predict(features))

    def test_trees_that_drop_out(self) -> None:
        booster = trees(booster="dart", rate_drop=0.1)
        assert onedal_log_odds(booster) is None
        features = counted_features()
        np.testing.assert_array_equal(scorer_of(booster).score(features), booster.inplace_predict(features))

    def test_categories(self) -> None:
        kinds = np.random.default_rng(2).integers(0, 5, size=(ROWS, 2)).astype(np.float32)
        examples = xgboost.DMatrix(kinds, kinds[:, 0] % 2, feature_types=["c", "c"], enable_categorical=True)
        booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, examples, 5)
        assert onedal_log_odds(booster) is None


def test_trees_left_out_after_the_best_iteration_explain_nothing() -> None:
    features = tiny_models.booster_examples()
    scorer = BoostedScorer("interest", tiny_models.booster(best_iteration=3))
    log_odds = scorer.explain(features, fast=False).sum(axis=1)
    np.testing.assert_allclose(1 / (1 + np.exp(-log_odds)), scorer.score(features), atol=1e-6)
