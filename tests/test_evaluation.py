"""The metrics every model's card uses."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from models_onnx import evaluation

LABELS = [0, 0, 1, 1]
SCORES = [0.1, 0.4, 0.35, 0.8]


def test_metrics_by_hand() -> None:
    metrics = evaluation.binary_metrics(LABELS, SCORES)
    assert metrics["auc"] == pytest.approx(0.75)
    assert metrics["accuracy"] == pytest.approx(0.75)
    assert metrics["brier"] == pytest.approx((0.01 + 0.16 + 0.65**2 + 0.04) / 4)
    assert metrics["log_loss"] == pytest.approx(-np.log([0.9, 0.6, 0.35, 0.8]).mean())
    # Four scores in four bins: the calibration error is the mean distance of score and label.
    assert metrics["ece"] == pytest.approx((0.1 + 0.4 + 0.65 + 0.2) / 4)
    assert metrics["report"]["1"] == {
        "precision": pytest.approx(1.0),
        "recall": pytest.approx(0.5),
        "f1-score": pytest.approx(2 / 3),
        "support": 2,
    }


def test_perfectly_calibrated_scores_have_no_calibration_error() -> None:
    assert evaluation.expected_calibration_error([0, 0, 0, 1] * 25, [0.25] * 100) == pytest.approx(0.0)
    assert evaluation.calibration_table([0, 1], [0.0, 1.0], bins=10)[-1]["upper"] == 1.0


def test_certain_and_wrong_scores_have_a_finite_loss() -> None:
    assert np.isfinite(evaluation.log_loss([0, 1], [1.0, 0.0]))


def test_the_interval_holds_the_auc_and_groups_widen_it() -> None:
    random = np.random.default_rng(1)
    users = np.repeat(np.arange(100), 8)
    taste = random.normal(size=100)[users]
    labels = (taste + random.normal(size=800) > 0).astype(int)
    scores = 1 / (1 + np.exp(-taste))
    lower, upper = evaluation.auc_interval(labels, scores, draws=100)
    assert lower < evaluation.auc(labels, scores) < upper
    grouped_lower, grouped_upper = evaluation.auc_interval(labels, scores, groups=users, draws=100)
    assert grouped_upper - grouped_lower > upper - lower
    assert (lower, upper) == evaluation.auc_interval(labels, scores, draws=100), "equal seeds, equal intervals"


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([], [], "equally long"),
        ([0, 1], [0.5], "equally long"),
        ([0, 2], [0.5, 0.5], "0 or 1"),
        ([0, 1], [0.5, float("nan")], r"0\.\.1"),
        ([0, 1], [0.5, 1.5], r"0\.\.1"),
        ([1, 1], [0.5, 0.5], "both classes"),
    ],
)
def test_bad_input_is_refused(labels: list[int], scores: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluation.binary_metrics(labels, scores)
