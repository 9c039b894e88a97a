"""Points of reliability, gains and lift, by hand and at the edges."""

import numpy as np
import pytest

from models_onnx import curves

LABELS = [1, 0, 1, 0, 0, 0, 0, 0, 0, 0]
SCORES = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0]


def test_gains_by_hand() -> None:
    points = curves.cumulative_gains(LABELS, SCORES, steps=10)
    assert [point["y"] for point in points] == pytest.approx([0, 0.5, 0.5, *[1.0] * 8])
    assert [point["x"] for point in points][:3] == pytest.approx([0, 0.1, 0.2])
    assert points[3] == {"series": "test", "x": 0.3, "y": 1.0, "rows": 3}


def test_rows_of_equal_score_count_as_shuffled() -> None:
    points = curves.cumulative_gains([1, 0, 1, 0], [0.5] * 4, steps=4)
    assert [point["y"] for point in points] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert curves.lift([1, 0, 0, 0], [0.5] * 4, 0.25) == curves.lift([0, 0, 0, 1], [0.5] * 4, 0.25) == pytest.approx(1.0)


def test_lift_by_hand() -> None:
    assert curves.lift(LABELS, SCORES, 0.1) == pytest.approx(5.0)
    assert curves.lift(LABELS, SCORES, 1.0) == pytest.approx(1.0)
    assert curves.lift(LABELS, [-score for score in SCORES], 0.5) == 0.0


def test_reliability_groups_hold_equally_many_rows_and_the_true_rate() -> None:
    random = np.random.default_rng(1)
    scores = random.random(5000)
    labels = (random.random(5000) < scores).astype(int)
    points = curves.reliability(labels, scores)
    assert [point["rows"] for point in points] == [500] * 10
    assert [point["x"] for point in points] == sorted(point["x"] for point in points)
    assert all(point["lower"] <= point["y"] <= point["upper"] for point in points)
    inside = sum(point["lower"] <= point["x"] <= point["upper"] for point in points)
    assert inside >= 8, "calibrated scores lie within their intervals, most of the time"


def test_equal_scores_stay_in_one_group() -> None:
    points = curves.reliability([0, 1] * 50, [0.25] * 60 + [0.75] * 40)
    assert [(point["x"], point["rows"]) for point in points] == [(0.25, 60), (0.75, 40)]
    assert [point["rows"] for point in curves.reliability([1, 0, 1], [0.1, 0.2, 0.3])] == [1, 1, 1]


def test_the_interval_of_a_rate_is_wilsons() -> None:
    point = curves.reliability([1] * 10, [0.5] * 10)[0]
    assert (point["lower"], point["upper"]) == pytest.approx((0.7225, 1.0), abs=1e-4)


def test_card_curves_hold_baselines_as_orders() -> None:
    found = curves.card_curves(LABELS, SCORES, baselines={"rule: days": [float(day) for day in range(10, 0, -1)]})
    assert set(found) == {"reliability", "gains"}
    assert {point["series"] for point in found["gains"]} == {"test", "rule: days"}
    assert {point["series"] for point in found["reliability"]} == {"test"}


def test_curves_of_windows_are_put_together() -> None:
    windows = [curves.card_curves(LABELS, SCORES, name) for name in ("validation", "test")]
    merged = curves.merged([*windows, {"epochs": curves.epoch_points([{"epoch": 1, "train_loss": 0.5}])}])
    assert {point["series"] for point in merged["gains"]} == {"validation", "test"}
    assert merged["epochs"] == [{"series": "train_loss", "x": 1.0, "y": 0.5, "rows": None}]


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([], [], "equally long"),
        ([0, 1], [0.5], "equally long"),
        ([0, 2], [0.5, 0.5], "0 or 1"),
        ([0, 1], [0.5, float("nan")], "finite"),
        ([0, 1], [0.5, 1.5], r"0\.\.1"),
        ([0, 0], [0.5, 0.5], "no label is positive"),
    ],
)
def test_bad_input_is_refused(labels: list[int], scores: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        curves.card_curves(labels, scores)


def test_a_share_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        curves.lift(LABELS, SCORES, 0.0)
